//! Who may do what, and the rows of the installation, on both databases.

use nephele_model::page::ListQuery;
use nephele_model::{Grants, Permission, Role};
use nephele_store::managers::{self, NewManager};
use nephele_store::{Error, blueprints, certificates, db_nodes, licenses, maintenance, permissions, tenants, users};

use crate::house::{admin, both, new_blueprint, user};

#[tokio::test]
async fn grants_begin_built_in_and_change_one_by_one() {
    both(|house| async move {
        let store = &house.store;
        assert_eq!(permissions::grants(store).await.unwrap(), Grants::built_in());
        let roles = permissions::roles(store).await.unwrap();
        let shown: Vec<_> = roles.iter().map(|role| (role.id, role.name.as_str(), role.kind.as_str())).collect();
        assert_eq!(shown[0], (1, "sys_admin", "system_role"));
        assert_eq!(shown[4], (5, "viewer", "tenant_role"));
        assert_eq!(permissions::changed_at(store).await.unwrap(), 0);
        permissions::allow(store, 5, "secret_create").await.unwrap();
        assert!(matches!(permissions::allow(store, 5, "secret_create").await, Err(Error::Unique { .. })));
        let grants = permissions::grants(store).await.unwrap();
        assert!(grants.hold(Permission::SecretCreate, &[Role::Viewer]));
        assert!(permissions::changed_at(store).await.unwrap() > 0);
        assert!(permissions::disallow(store, 5, "secret_create").await.unwrap());
        assert!(!permissions::disallow(store, 5, "secret_create").await.unwrap());
        let page = store.list(&permissions::RESOURCE, &admin(), &ListQuery::default()).await.unwrap();
        assert!(page.total > 400, "{}", page.total);
    })
    .await;
}

#[tokio::test]
async fn administrators_are_counted_through_groups_too() {
    both(|house| async move {
        let store = &house.store;
        assert_eq!(users::count_administrators(store).await.unwrap(), 1);
        let ann = users::insert(store, &"ann".into(), "h", Role::Default).await.unwrap();
        let group = nephele_store::groups::insert(store, "roots", None, Role::SysAdmin).await.unwrap();
        nephele_store::groups::add_user(store, group, ann).await.unwrap();
        assert_eq!(users::count_administrators(store).await.unwrap(), 2);
        users::update(store, ann, users::UserChanges { active: Some(false), ..Default::default() }).await.unwrap();
        assert_eq!(users::count_administrators(store).await.unwrap(), 1);
    })
    .await;
}

#[tokio::test]
async fn what_is_held_is_found() {
    both(|house| async move {
        let store = &house.store;
        let tenant = tenants::insert(store, &"t2".into(), None).await.unwrap();
        assert_eq!(tenants::holds_in(store, tenant).await.unwrap(), None);
        let ann = users::insert(store, &"ann".into(), "h", Role::Default).await.unwrap();
        assert_eq!(users::owns_in(store, ann).await.unwrap(), None);
        let new = new_blueprint(&user(ann, tenant), "bp", nephele_store::Db::now(store));
        let blueprint = blueprints::insert(store, new).await.unwrap();
        assert_eq!(users::owns_in(store, ann).await.unwrap(), Some("blueprints"));
        assert_eq!(tenants::holds_in(store, tenant).await.unwrap(), Some("blueprints"));
        blueprints::delete(store, blueprint).await.unwrap();
        tenants::delete(store, tenant).await.unwrap();
        assert!(tenants::by_name(store, &"t2".into()).await.unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn the_installation_has_its_rows() {
    both(|house| async move {
        let store = &house.store;
        let certificate_fk = certificates::put(store, "ca", "one").await.unwrap();
        assert_eq!(certificates::put(store, "ca", "two").await.unwrap(), certificate_fk);
        let manager = |hostname: &str| NewManager {
            hostname: hostname.to_owned(),
            private_ip: "10.0.0.1".to_owned(),
            public_ip: "10.0.0.1".to_owned(),
            version: "7".to_owned(),
            edition: "premium".to_owned(),
            distribution: "x".to_owned(),
            distro_release: "1".to_owned(),
            fs_sync_node_id: None,
            networks: None,
            last_seen: nephele_store::Db::now(store),
            status_report_frequency: None,
            certificate_fk: Some(certificate_fk),
            node: Some(hostname.to_owned()),
        };
        managers::insert(store, manager("one")).await.unwrap();
        assert!(matches!(managers::insert(store, manager("one")).await, Err(Error::Unique { .. })));
        let page = store.list(&managers::RESOURCE, &admin(), &ListQuery::default()).await.unwrap();
        let shown = page.items[0].value().unwrap();
        assert_eq!(
            (shown["ca_cert_content"].as_str(), shown["status_report_frequency"].as_i64()),
            (Some("two"), Some(0))
        );
        db_nodes::put_own(store, "n", "db", "h", false).await.unwrap();
        db_nodes::put_own(store, "n", "db2", "h", false).await.unwrap();
        let nodes = db_nodes::all(store).await.unwrap();
        assert_eq!((nodes.len(), nodes[0].name.as_str()), (1, "db2"));

        let license = |id: &str| licenses::NewLicense {
            customer_id: Some(id.to_owned()),
            expiration_date: None,
            license_edition: None,
            trial: false,
            cloudify_version: None,
            capabilities: None,
        };
        licenses::replace(store, license("a")).await.unwrap();
        licenses::replace(store, license("b")).await.unwrap();
        let page = store.list(&licenses::RESOURCE, &admin(), &ListQuery::default()).await.unwrap();
        let shown = page.items[0].value().unwrap();
        assert_eq!(
            (page.total, shown["customer_id"].as_str(), shown["expired"].as_bool()),
            (1, Some("b"), Some(false))
        );

        maintenance::begin(store, 0, false).await.unwrap();
        assert!(maintenance::get(store).await.unwrap().unwrap().activated_at.is_none());
        maintenance::complete(store).await.unwrap();
        let state = maintenance::get(store).await.unwrap().unwrap();
        assert_eq!((state.status.as_str(), state.requested_by.unwrap().as_str()), ("activated", "admin"));
        assert!(maintenance::delete(store).await.unwrap() && !maintenance::delete(store).await.unwrap());
    })
    .await;
}
