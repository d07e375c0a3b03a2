//! Blueprints of every version with the built-in types, without files and without a network.

use nephele_dsl::{Fetch, Fetched, ImportError, Options, Parsed, Resolver, Source, Version, builtin, parse};

struct Nothing;

impl Fetch for Nothing {
    fn fetch(&self, location: &str, _version: Version) -> Result<Fetched, ImportError> {
        Err(ImportError::unreachable(location, "there is nothing"))
    }

    fn exists(&self, location: &str) -> bool {
        location == "file:/scripts/start.sh"
    }
}

fn parsed(text: &str) -> Parsed {
    let main = Source::new("file:/blueprint.yaml", text);
    parse(&main, &Resolver::new(Nothing), &Options::default()).unwrap_or_else(|problems| panic!("{}", problems[0]))
}

#[test]
fn every_version_imports_its_types() {
    for version in Version::ALL {
        let address = match version {
            Version::V1_0 => "http://www.getcloudify.org/spec/cloudify/3.1/types.yaml",
            Version::V1_1 => "http://www.getcloudify.org/spec/cloudify/3.2/types.yaml",
            Version::V1_2 => "https://www.getcloudify.org/spec/cloudify/3.3/types.yaml",
            Version::V1_3 => "https://cloudify.co/spec/cloudify/5.0.5/types.yaml",
            Version::V1_4 | Version::V1_5 => "cloudify/types/types.yaml",
        };
        let text = format!(
            "tosca_definitions_version: {version}\nimports: [{address}]\nnode_templates:\n  host: {{type: cloudify.nodes.Compute}}\n"
        );
        let plan = parsed(&text).plan;
        assert!(plan.workflows().len() >= 15, "{version}");
        let host = &plan.nodes()[0];
        assert_eq!(host["host_id"], "host");
        assert_eq!(host["properties"]["agent_config"]["port"], 22);
        assert!(builtin::types_yaml(version).starts_with("tosca_definitions_version: "));
    }
}

#[test]
fn parameters_are_typed_as_their_version_allows() {
    let workflow = |version: &str, name: &str| {
        let text = format!("tosca_definitions_version: {version}\nimports: [cloudify/types/types.yaml]\n");
        parsed(&text).plan.workflows()[name].clone()
    };
    assert_eq!(workflow("cloudify_dsl_1_5", "execute_operation")["parameters"]["operation"]["type"], "operation_name");
    assert!(workflow("cloudify_dsl_1_4", "execute_operation")["parameters"]["operation"].get("type").is_none());
    assert!(workflow("cloudify_dsl_1_4", "uninstall")["parameters"].get("recursive").is_none());
    assert!(workflow("cloudify_dsl_1_3", "install")["availability_rules"].is_null());
    assert_eq!(workflow("cloudify_dsl_1_4", "install")["availability_rules"]["node_instances_active"][0], "none");
}

#[test]
fn a_script_becomes_a_script_operation() {
    let plan = parsed(
        "tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
node_templates:
  web:
    type: cloudify.nodes.WebServer
    interfaces:
      cloudify.interfaces.lifecycle: {start: {implementation: scripts/start.sh, max_retries: 2, timeout: 1.5}}
",
    )
    .plan;
    let operation = &plan.nodes()[0]["operations"]["cloudify.interfaces.lifecycle.start"];
    assert_eq!(operation["plugin"], "script");
    assert_eq!(operation["operation"], "script_runner.tasks.run");
    assert_eq!(operation["executor"], "auto");
    assert_eq!(operation["inputs"]["script_path"], "scripts/start.sh");
    assert_eq!((&operation["max_retries"], &operation["timeout"]), (&2.into(), &1.5.into()));
    let missing = "tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
node_templates:
  web:
    type: cloudify.nodes.WebServer
    interfaces: {cloudify.interfaces.lifecycle: {start: scripts/stop.sh}}
";
    let problems = parse(&Source::new("file:/blueprint.yaml", missing), &Resolver::new(Nothing), &Options::default());
    assert_eq!(problems.unwrap_err()[0].code(), Some(10));
}
