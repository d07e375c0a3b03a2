//! Login through a directory: a real LDAP server with entries of this test.

use axum::http::Method;
use nephele_testkit::slapd::{Slapd, Tls};
use serde_json::{Value, json};

use crate::harness::{Answer, As, Fresh};

const ENTRIES: &str = "dn: dc=example,dc=org
objectClass: dcObject
objectClass: organization
dc: example
o: Example

dn: ou=people,dc=example,dc=org
objectClass: organizationalUnit
ou: people

dn: uid=ann,ou=people,dc=example,dc=org
objectClass: inetOrgPerson
uid: ann
cn: Ann Lee
sn: Lee
givenName: Ann
mail: ann@example.org
userPassword: ann-password

dn: uid=bob,ou=people,dc=example,dc=org
objectClass: inetOrgPerson
uid: bob
cn: Bob
sn: Ray
userPassword: bob-password

dn: uid=admin,ou=people,dc=example,dc=org
objectClass: inetOrgPerson
uid: admin
cn: Admin
sn: Admin
userPassword: directory-admin

dn: uid=finder,dc=example,dc=org
objectClass: inetOrgPerson
uid: finder
cn: Finder
sn: Finder
userPassword: finder-password

dn: cn=devs,dc=example,dc=org
objectClass: groupOfNames
cn: devs
member: uid=ann,ou=people,dc=example,dc=org

dn: cn=engineering,dc=example,dc=org
objectClass: groupOfNames
cn: engineering
member: cn=devs,dc=example,dc=org
";

async fn login(fresh: &Fresh, user: &str, password: &str) -> Answer {
    let caller = As { user, password, tenant: Some("default_tenant") };
    fresh.ask_as(&caller, Method::GET, "/user?_get_data=true", None).await
}

async fn group(fresh: &Fresh, name: &str, dn: &str, role: &str) {
    let body = json!({"group_name": name, "role": "default", "ldap_group_dn": dn});
    fresh.post("/user-groups", body).await.expect(201);
    let membership = json!({"tenant_name": "default_tenant", "group_name": name, "role": role});
    fresh.put("/tenants/user-groups", membership).await.expect(200);
}

fn settings(server: &Slapd) -> Value {
    json!({
        "ldap_server": server.url, "ldap_domain": "example.org", "ldap_base_dn": "dc=example,dc=org",
        "ldap_bind_format": "uid={username},ou=people,{base_dn}", "ldap_nested_levels": "2",
        "ldap_username": null, "ldap_password": null, "ldap_dn_extra": "", "ldap_is_active_directory": false,
    })
}

#[tokio::test]
async fn people_of_the_directory_log_in_with_their_groups() {
    let server = Slapd::start(ENTRIES, None);
    let fresh = Fresh::start().await;
    fresh.user("local", "viewer").await;
    group(&fresh, "devs", "CN=devs,DC=example,DC=org", "user").await;
    group(&fresh, "engineering", "cn=engineering,dc=example,dc=org", "viewer").await;
    assert_eq!(fresh.get("/ldap").await.expect(200), "disabled");
    login(&fresh, "ann", "ann-password").await.refused(401, "unauthorized_error");

    let set = fresh.post("/ldap", settings(&server)).await.expect(200);
    assert_eq!((&set["ldap_server"], set.get("ldap_password")), (&json!(server.url), None));
    assert_eq!(
        (fresh.get("/ldap").await.expect(200), fresh.get("/idp").await.expect(200)),
        (json!("enabled"), json!("ldap"))
    );

    let ann = login(&fresh, "ann", "ann-password").await.expect(200);
    assert_eq!((&ann["username"], &ann["role"]), (&json!("ann"), &json!("default")));
    assert_eq!(ann["groups"], json!(["devs", "engineering"]), "groups in groups are followed");
    assert_eq!(ann["tenants"]["default_tenant"]["roles"], json!(["user", "viewer"]));
    let caller = As { user: "ann", password: "ann-password", tenant: Some("default_tenant") };
    fresh.ask_as(&caller, Method::PUT, "/secrets/k", Some(json!({"value": "v"}))).await.expect(200);
    let bob = login(&fresh, "bob", "bob-password").await.expect(200);
    assert_eq!(bob["tenants"], json!({}));

    for (user, password) in [
        ("ann", "wrong"),
        ("ann", ""),
        ("nobody", "x"),
        ("ann)(uid=*", "ann-password"),
        ("*", "ann-password"),
        ("ann,ou=people", "ann-password"),
        ("uid=ann,ou=people,dc=example,dc=org", "bob-password"),
    ] {
        login(&fresh, user, password).await.refused(401, "unauthorized_error");
    }
    // Local users have given way, but for the first administrator, whose name is taken.
    login(&fresh, "local", "secret").await.refused(401, "unauthorized_error");
    login(&fresh, "admin", "admin").await.expect(200);
    login(&fresh, "admin", "directory-admin").await.refused(401, "unauthorized_error");
    let message = fresh.put("/users", json!({"username": "new", "password": "secret"})).await;
    assert_eq!(
        message.refused(400, "illegal_action_error"),
        "Action `create user` is not available when using external authentication"
    );
    let body = json!({"username": "ann", "group_name": "devs"});
    fresh.put("/user-groups/users", body).await.refused(405, "method_not_allowed_error");
    // A user who is shut out here stays out.
    fresh.post("/users/active/ann", json!({"action": "deactivate"})).await.expect(200);
    login(&fresh, "ann", "ann-password").await.refused(401, "unauthorized_error");
}

#[tokio::test]
async fn a_user_of_the_directory_looks_for_others() {
    let server = Slapd::start(ENTRIES, None);
    let fresh = Fresh::start().await;
    let mut body = settings(&server);
    body["ldap_username"] = json!("uid=finder,dc=example,dc=org");
    body["ldap_password"] = json!("wrong");
    let message = fresh.post("/ldap", body.clone()).await.refused(400, "bad_parameters_error");
    assert_eq!(message, "Failed setting LDAP authenticator: Invalid parameters provided.");
    assert_eq!(fresh.get("/ldap").await.expect(200), "disabled", "nothing is stored that does not work");
    body["ldap_password"] = json!("finder-password");
    fresh.post("/ldap", body.clone()).await.expect(200);
    login(&fresh, "ann", "ann-password").await.expect(200);
    login(&fresh, "ann", "finder-password").await.refused(401, "unauthorized_error");
    let stored = fresh.get("/config/rest.ldap_password").await.expect(200);
    assert!(!stored["value"].as_str().unwrap().contains("finder"), "{stored}");
    body["ldap_server"] = json!("ldap://127.0.0.1:1");
    let message = fresh.post("/ldap", body).await.refused(400, "bad_parameters_error");
    assert_eq!(message, "Failed setting LDAP: Unable to connect to LDAP Server ldap://127.0.0.1:1");
}

#[tokio::test]
async fn a_directory_that_is_gone_locks_nobody_in() {
    let server = Slapd::start(ENTRIES, None);
    let fresh = Fresh::start().await;
    fresh.post("/ldap", settings(&server)).await.expect(200);
    login(&fresh, "bob", "bob-password").await.expect(200);
    drop(server);
    login(&fresh, "bob", "other-password").await.refused(401, "unauthorized_error");
    login(&fresh, "admin", "admin").await.expect(200);
}

#[tokio::test]
async fn tls_trusts_the_given_authority_alone() {
    let (own, foreign) = (authority(), authority());
    let server = Slapd::start(ENTRIES, Some(&own.tls()));
    let fresh = Fresh::start().await;
    let with = |authority: Option<&str>| {
        let mut body = settings(&server);
        body["ldap_username"] = json!("uid=finder,dc=example,dc=org");
        body["ldap_password"] = json!("finder-password");
        body["ldap_ca_cert"] = json!(authority);
        body
    };
    fresh.post("/ldap", with(None)).await.refused(400, "bad_parameters_error");
    fresh.post("/ldap", with(Some("no certificate"))).await.refused(400, "bad_parameters_error");
    fresh.post("/ldap", with(Some(&foreign.root))).await.refused(400, "bad_parameters_error");
    fresh.post("/ldap", with(Some(&own.root))).await.expect(200);
    login(&fresh, "ann", "ann-password").await.expect(200);
}

/// An authority with one certificate for this machine.
struct Authority {
    root: String,
    certificate: String,
    key: String,
}

impl Authority {
    fn tls(&self) -> Tls<'_> {
        Tls { authority: &self.root, certificate: &self.certificate, key: &self.key }
    }
}

fn authority() -> Authority {
    rustls::crypto::ring::default_provider().install_default().ok();
    let mut parameters = rcgen::CertificateParams::new(Vec::new()).unwrap();
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = rcgen::KeyPair::generate().unwrap();
    let authority = parameters.self_signed(&key).unwrap();
    let issuer = rcgen::Issuer::new(parameters, key);
    let own = rcgen::KeyPair::generate().unwrap();
    let certificate =
        rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().signed_by(&own, &issuer).unwrap();
    Authority { root: authority.pem(), certificate: certificate.pem(), key: own.serialize_pem() }
}
