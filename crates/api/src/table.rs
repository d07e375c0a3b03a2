//! The route table: what is served, since which version, to whom.
//!
//! Invariant: a route cannot be written without saying who may call it and what it answers, and its
//! handler is only reached through `auth::admit`, which has checked that. What it reads is told by
//! its handler's arguments (`declared.rs`). `routes.rs` holds the rows; tests walk them, and
//! `document` describes them.

use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::middleware;
use axum::routing::{MethodFilter, MethodRouter, on};
use nephele_model::Permission;

use crate::App;
use crate::declared::{Arguments, Reads};
use crate::document::Gives;

/// A version of the REST service, as its path segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// `v1`: lists are bare arrays.
    V1,
    /// `v2`
    V2,
    /// `v2.1`
    V21,
    /// `v3`
    V3,
    /// `v3.1`, what clients use.
    V31,
}

impl Version {
    /// Every version.
    pub const ALL: [Self; 5] = [Self::V1, Self::V2, Self::V21, Self::V3, Self::V31];

    /// The path segment.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
            Self::V21 => "v2.1",
            Self::V3 => "v3",
            Self::V31 => "v3.1",
        }
    }
}

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anyone, without a login.
    Public,
    /// Anyone as far as the login goes: the use case asks for a cookie of its own.
    Cookie,
    /// Anyone who is logged in; the use case looks closer where needed.
    Authenticated,
    /// Whoever holds the permission in the request's tenant.
    Needs(Permission),
    /// The same; or an execution, in its own tenant, with its token.
    NeedsOrExecution(Permission),
    /// Whoever holds the permission in the tenant that the path's last segment names.
    NeedsInNamedTenant(Permission),
    /// Whoever holds the permission in the tenant that the body's `tenant_name` names.
    NeedsInSentTenant(Permission),
    /// Whoever administers the system; others are told that they are not authorized, as ever.
    Administrators,
}

/// One row of the table.
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path behind `/api/VERSION`.
    pub path: &'static str,
    /// The first version that has it.
    pub since: Version,
    /// The last version that has it.
    pub until: Version,
    /// Who may call it.
    pub access: Access,
    /// What it answers when all is well.
    pub(crate) gives: Gives,
    /// The handler's name, with its module.
    pub(crate) handler: &'static str,
    /// What the handler reads.
    pub(crate) reads: fn(&mut Reads),
    serve: MethodRouter<App>,
}

impl Route {
    fn new<H, T>(
        (method, filter): (Method, MethodFilter),
        path: &'static str,
        (since, access, gives): (Version, Access, Gives),
        handler: H,
    ) -> Self
    where
        H: Handler<T, App>,
        T: Arguments + 'static,
    {
        let (reads, serve) = (T::describe, on(filter, handler));
        let handler = std::any::type_name::<H>();
        Self { method, path, since, until: Version::V31, access, gives, handler, reads, serve }
    }

    /// What its handler reads.
    pub(crate) fn reads(&self) -> Reads {
        let mut reads = Reads::default();
        (self.reads)(&mut reads);
        reads
    }

    /// The handler's name behind that of its resource, such as `blueprints_list`.
    pub(crate) fn name(&self) -> String {
        let (path, of) = self.handler.split_once('<').unwrap_or((self.handler, ""));
        let words: Vec<&str> = path.rsplit("::").take(2).collect();
        let kind = of.trim_end_matches('>').rsplit("::").next().unwrap_or_default();
        let module = if kind.is_empty() { words[1].to_owned() } else { kind.to_owned() };
        format!("{module}_{}", words[0])
    }

    /// The same row for one version only.
    #[must_use]
    pub(crate) const fn only(mut self, version: Version) -> Self {
        self.since = version;
        self.until = version;
        self
    }

    fn versions(&self) -> impl Iterator<Item = Version> + use<> {
        let (since, until) = (self.since, self.until);
        Version::ALL.into_iter().filter(move |version| *version >= since && *version <= until)
    }
}

macro_rules! methods {
    ($($name:ident = $method:ident, $filter:expr;)*) => {$(
        #[doc = concat!("A row for ", stringify!($method), ". The handler is any axum handler whose arguments say what they read.")]
        pub(crate) fn $name<H, T>(
            path: &'static str,
            since: Version,
            access: Access,
            handler: H,
            gives: Gives,
        ) -> Route
        where
            H: Handler<T, App>,
            T: Arguments + 'static,
        {
            Route::new((Method::$method, $filter), path, (since, access, gives), handler)
        }
    )*};
}

methods! {
    get = GET, MethodFilter::GET.or(MethodFilter::HEAD);
    put = PUT, MethodFilter::PUT;
    post = POST, MethodFilter::POST;
    patch = PATCH, MethodFilter::PATCH;
    delete = DELETE, MethodFilter::DELETE;
}

/// What a request was admitted for; laid beside it by the router.
#[derive(Clone, Copy)]
pub(crate) struct Gate {
    pub(crate) access: Access,
    pub(crate) version: Version,
    /// The route's path in the table.
    pub(crate) path: &'static str,
}

/// Below this the file tree stands, as also below `/resources`.
const FILES: &str = "/file-server-proxy";

/// Builds the router: each row under each version that has it.
pub(crate) fn router(app: &App, routes: Vec<Route>) -> Router<App> {
    let mut router = Router::new();
    for route in routes {
        for version in route.versions() {
            let gate = Gate { access: route.access, version, path: route.path };
            let guarded =
                route.serve.clone().layer(middleware::from_fn_with_state((app.clone(), gate), crate::auth::admit));
            let path = format!("/api/{}{}", version.as_str(), route.path);
            router = router.route(&path, guarded.clone());
            // What the newest version has under other paths, too.
            if version == Version::V31 && route.path == "/version" {
                router = router.route("/api/version", guarded);
            } else if version == Version::V31 && route.path == "/metrics" {
                router = router.route("/metrics", guarded);
            } else if let Some(file) = route.path.strip_prefix(FILES) {
                router = router.route(&format!("/resources{file}"), guarded);
            }
        }
    }
    router
}
