//! What nobody sends by accident: broken credentials, names that are no names, changes at once.

use axum::body::Body;
use axum::http::{HeaderValue, Method, Request};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::harness::{Answer, Fresh};

async fn with(fresh: &Fresh, headers: &[(&'static str, &[u8])]) -> Answer {
    let mut request = Request::builder().uri("/api/v3.1/blueprints");
    for (name, value) in headers {
        request = request.header(*name, HeaderValue::from_bytes(value).unwrap());
    }
    fresh.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn broken_credentials_are_refused_and_nothing_else() {
    let fresh = Fresh::start().await;
    let basic = |text: &[u8]| format!("Basic {}", STANDARD.encode(text)).into_bytes();
    let long = "x".repeat(60_000);
    let values: Vec<(&'static str, Vec<u8>)> = vec![
        ("authorization", b"Basic".to_vec()),
        ("authorization", b"Basic ".to_vec()),
        ("authorization", b"Basic !!!".to_vec()),
        ("authorization", b"Basic YWRtaW4".to_vec()),
        ("authorization", b"\xff\xfe".to_vec()),
        ("authorization", basic(b"admin")),
        ("authorization", basic(b":")),
        ("authorization", basic(b"admin:")),
        ("authorization", basic(b"admin\0:admin")),
        ("authorization", basic(b"\xff\xfe:admin")),
        ("authorization", basic("ädmin:admin".as_bytes())),
        ("authorization", basic(b"admin' OR '1'='1:x")),
        ("authorization", basic(b"../admin:admin")),
        ("authorization", basic(format!("admin:{long}").as_bytes())),
        ("authorization", basic(format!("{long}:admin").as_bytes())),
        ("authorization", b"Bearer".to_vec()),
        ("authorization", b"Bearer x.y.z".to_vec()),
        ("authorization", b"Negotiate abc".to_vec()),
        ("authentication-token", b"ctok".to_vec()),
        ("authentication-token", b"ctok--".to_vec()),
        ("authentication-token", b"ctok-%00-%00".to_vec()),
        ("authentication-token", b"a-b-c-d-e".to_vec()),
        ("authentication-token", "ctok-ü-ü".as_bytes().to_vec()),
        ("authentication-token", b"\xff\xff\xff".to_vec()),
        ("authentication-token", long.clone().into_bytes()),
        ("execution-token", b"' OR 1=1 --".to_vec()),
        ("execution-token", b"".to_vec()),
        ("execution-token", long.into_bytes()),
    ];
    for (name, value) in &values {
        let answer = with(&fresh, &[(name, value), ("tenant", b"default_tenant")]).await;
        let said = String::from_utf8_lossy(&value[..value.len().min(60)]).into_owned();
        answer.refused(401, "unauthorized_error");
        assert!(answer.headers.contains_key("www-authenticate"), "{name}: {said}");
    }
    // A bad token beside a good login is not overlooked in silence where it comes first.
    let login = basic(b"admin:admin");
    let both =
        with(&fresh, &[("authorization", &login), ("execution-token", b"zzz"), ("tenant", b"default_tenant")]).await;
    both.refused(401, "unauthorized_error");
}

#[tokio::test]
async fn tenants_that_are_no_names_are_unknown() {
    let fresh = Fresh::start().await;
    let login = format!("Basic {}", STANDARD.encode("admin:admin")).into_bytes();
    for tenant in
        ["default_tenant ", "DEFAULT_TENANT", "../default_tenant", "default_tenant' --", "дом", &"t".repeat(5000)]
    {
        let answer = with(&fresh, &[("authorization", &login), ("tenant", tenant.as_bytes())]).await;
        // Blanks around a header's value are not part of it.
        if tenant.trim() != tenant {
            continue;
        }
        answer.refused(403, "forbidden_error");
    }
    with(&fresh, &[("authorization", &login), ("tenant", b"\xff\xfe")]).await.refused(400, "bad_parameters_error");
}

/// What a proxy in front may have read otherwise is not read at all.
#[tokio::test]
async fn headers_that_stand_there_twice_are_refused() {
    let fresh = Fresh::start().await;
    let login = format!("Basic {}", STANDARD.encode("admin:admin")).into_bytes();
    let good = ("authorization", login.as_slice());
    let tenant = ("tenant", b"default_tenant".as_slice());
    with(&fresh, &[good, tenant]).await.expect(200);
    for more in [tenant, ("tenant", b"other"), good, ("authorization", b"Basic x")] {
        let message = with(&fresh, &[good, tenant, more]).await.refused(400, "bad_parameters_error");
        assert!(message.contains(more.0), "{message}");
    }
    for name in ["authentication-token", "execution-token"] {
        with(&fresh, &[(name, b"a"), (name, b"b"), tenant]).await.refused(400, "bad_parameters_error");
    }
    // Others may be there as often and as long as they like.
    let long = "x".repeat(100_000);
    let odd: Vec<(&'static str, &[u8])> = (0..500).map(|_| ("x-odd", b"\xff".as_slice())).collect();
    with(&fresh, &[vec![good, tenant, ("x-long", long.as_bytes())], odd].concat()).await.expect(200);
}

/// Files outside of what is served, however the way to them is written.
#[tokio::test]
async fn paths_do_not_lead_outside_of_the_file_tree() {
    let fresh = Fresh::start().await;
    std::fs::write(fresh.manager.files.uploading().join("../../secret"), "hidden").unwrap();
    for way in [
        "../secret",
        "../../secret",
        "global-resources/../../secret",
        "%2e%2e/secret",
        "..%2fsecret",
        "%2e%2e%2fsecret",
        "..%5csecret",
        "....//secret",
        "./../secret",
        "global-resources/%2e%2e/%2e%2e/secret",
        "%2fetc%2fpasswd",
        "//etc/passwd",
        "global-resources/a%00/../../../secret",
        "..%c0%afsecret",
        "..;/secret",
        ".uploading/x",
        "%252e%252e/secret",
    ] {
        for base in ["/resources/", "/file-server-proxy/"] {
            for method in [Method::GET, Method::PUT, Method::DELETE] {
                let path = format!("{base}{way}");
                let answer = fresh.ask_as(&crate::harness::ADMIN, method.clone(), &path, Some(json!("x"))).await;
                let told = String::from_utf8_lossy(&answer.bytes).into_owned();
                assert!(answer.status.is_client_error() && !told.contains("hidden"), "{method} {path}: {answer:?}");
            }
        }
    }
    // An archive with such names publishes nothing.
    for name in ["bp/../../x", "/x", "bp/a\0b"] {
        let archive = crate::harness::zip(&[("bp/blueprint.yaml", b"a"), (name, b"x")]);
        let answer = fresh.upload_archive("climbing", &archive).await;
        assert!(answer.status.is_client_error(), "{name}: {answer:?}");
        fresh.delete("/blueprints/climbing?force=true").await;
    }
}

/// Names as they come in bodies and, escaped, in paths.
const NAMES: &[(&str, &str)] = &[
    ("", ""),
    (" ", "%20"),
    ("a\0b", "a%00b"),
    ("a\nb", "a%0Ab"),
    ("../../etc/passwd", "..%2F..%2Fetc%2Fpasswd"),
    ("..", "%2E%2E"),
    ("a/b", "a%2Fb"),
    ("a\\b", "a%5Cb"),
    ("naïve", "na%C3%AFve"),
    ("用户", "%E7%94%A8%E6%88%B7"),
    ("\u{202e}admin", "%E2%80%AEadmin"),
    ("ａｄｍｉｎ", "%EF%BD%81%EF%BD%84%EF%BD%8D%EF%BD%89%EF%BD%8E"),
    ("' OR 1=1 --", "'%20OR%201=1%20--"),
    ("<script>", "%3Cscript%3E"),
    ("{}", "%7B%7D"),
    ("%s%n", "%25s%25n"),
];

#[tokio::test]
async fn names_that_are_no_names_are_refused_everywhere() {
    let fresh = Fresh::start().await;
    let long = "n".repeat(5000);
    let names = NAMES.iter().copied().chain([(long.as_str(), long.as_str())]);
    for (name, escaped) in names {
        let bodies = [
            (Method::PUT, "/users", json!({"username": name, "password": "secret"})),
            (Method::POST, "/user-groups", json!({"group_name": name, "role": "default"})),
            (Method::PUT, "/tenants/users", json!({"tenant_name": name, "username": "admin", "role": "user"})),
            (Method::PUT, "/tenants/users", json!({"tenant_name": "default_tenant", "username": name, "role": "user"})),
            (
                Method::PUT,
                "/tenants/users",
                json!({"tenant_name": "default_tenant", "username": "admin", "role": name}),
            ),
            (Method::PUT, "/user-groups/users", json!({"username": name, "group_name": name})),
        ];
        for (method, path, body) in bodies {
            let answer = fresh.ask_as(&crate::harness::ADMIN, method.clone(), path, Some(body)).await;
            assert!(answer.status.is_client_error(), "{method} {path} {name:?}: {answer:?}");
        }
        let paths = [
            (Method::POST, "/tenants/"),
            (Method::DELETE, "/tenants/"),
            (Method::GET, "/users/"),
            (Method::DELETE, "/users/"),
            (Method::GET, "/user-groups/"),
            (Method::GET, "/permissions/"),
            (Method::GET, "/tokens/"),
            (Method::PUT, "/secrets/"),
            (Method::PUT, "/sites/"),
            (Method::GET, "/config/"),
            (Method::DELETE, "/managers/"),
            (Method::POST, "/maintenance/"),
        ];
        for (method, path) in paths {
            let body = json!({"value": "v", "location": "1,1"});
            let full = format!("{path}{escaped}");
            let answer = fresh.ask_as(&crate::harness::ADMIN, method.clone(), &full, Some(body)).await;
            assert!(answer.status.is_client_error(), "{method} {full}: {answer:?}");
        }
    }
    assert_eq!(fresh.get("/users").await.expect(200)["metadata"]["pagination"]["total"], 1);
    assert_eq!(fresh.get("/tenants").await.expect(200)["metadata"]["pagination"]["total"], 1);
}

#[tokio::test]
async fn bodies_of_the_wrong_shape_are_refused() {
    let fresh = Fresh::start().await;
    let shapes = [
        json!({}),
        json!([]),
        json!("x"),
        json!({"username": 5, "password": [], "role": {}}),
        json!({"tenant_name": {}}),
    ];
    let routes = [
        (Method::PUT, "/users"),
        (Method::POST, "/users/admin"),
        (Method::POST, "/users/active/admin"),
        (Method::POST, "/user-groups"),
        (Method::PUT, "/tenants/users"),
        (Method::DELETE, "/tenants/user-groups"),
        (Method::POST, "/managers"),
        (Method::POST, "/brokers"),
        (Method::POST, "/db-nodes"),
        (Method::POST, "/license"),
        (Method::POST, "/contacts"),
        (Method::POST, "/ldap"),
        (Method::PUT, "/config/default_page_size"),
    ];
    for (method, path) in routes {
        for shape in &shapes {
            let answer = fresh.ask_as(&crate::harness::ADMIN, method.clone(), path, Some(shape.clone())).await;
            answer.refused(400, "bad_parameters_error");
        }
    }
    for text in ["", "license: [", "\u{0}", "a: &a [*a]", "license: {}"] {
        let mut request = Fresh::request(&crate::harness::ADMIN, Method::PUT, "/license", None);
        *request.body_mut() = Body::from(text.to_owned());
        fresh.send(request).await.refused(400, "invalid_yaml_format");
    }
}

#[tokio::test]
async fn changes_at_once_leave_one_winner() {
    let fresh = Fresh::start().await;
    let count = |answers: &[Answer], status: u16| answers.iter().filter(|answer| answer.status == status).count();
    let race = async |method: Method, path: &str, body: Value| {
        let ask = || fresh.ask_as(&crate::harness::ADMIN, method.clone(), path, Some(body.clone()));
        futures::future::join_all((0..8).map(|_| ask())).await
    };
    let made = race(Method::PUT, "/users", json!({"username": "ann", "password": "secret"})).await;
    assert_eq!((count(&made, 201), count(&made, 409)), (1, 7), "{made:?}");
    let made = race(Method::POST, "/tenants/t2", json!({})).await;
    assert_eq!((count(&made, 201), count(&made, 409)), (1, 7), "{made:?}");
    let made = race(Method::POST, "/user-groups", json!({"group_name": "g", "role": "default"})).await;
    assert_eq!((count(&made, 201), count(&made, 409)), (1, 7), "{made:?}");
    let joined =
        race(Method::PUT, "/tenants/users", json!({"tenant_name": "t2", "username": "ann", "role": "user"})).await;
    assert_eq!((count(&joined, 200), count(&joined, 409)), (1, 7), "{joined:?}");
    let joined = race(Method::PUT, "/user-groups/users", json!({"username": "ann", "group_name": "g"})).await;
    assert_eq!((count(&joined, 200), count(&joined, 409)), (1, 7), "{joined:?}");
    let allowed = race(Method::PUT, "/permissions/viewer/secret_create", json!({})).await;
    assert_eq!((count(&allowed, 200), count(&allowed, 409)), (1, 7), "{allowed:?}");
    let begun = race(Method::POST, "/maintenance/activate", json!({})).await;
    assert_eq!((count(&begun, 200), count(&begun, 304)), (1, 7), "{begun:?}");
    let ended = race(Method::POST, "/maintenance/deactivate", json!({})).await;
    assert_eq!((count(&ended, 200), count(&ended, 304)), (1, 7), "{ended:?}");

    // Two administrators who demote each other: one stays.
    fresh.plain_user("one", "sys_admin").await;
    fresh.plain_user("two", "sys_admin").await;
    fresh.post("/users/active/admin", json!({"action": "deactivate"})).await.expect(200);
    let demote = |by: &'static str, whom: &'static str| {
        let path = format!("/users/{whom}");
        let fresh = &fresh;
        async move { fresh.by(by, "default_tenant", Method::POST, &path, json!({"role": "default"})).await }
    };
    let (first, second) = futures::join!(demote("one", "two"), demote("two", "one"));
    let demoted = [&first, &second].into_iter().filter(|answer| answer.status == 200).count();
    assert_eq!(demoted, 1, "{first:?} {second:?}");
}
