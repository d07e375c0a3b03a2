//! Blueprints of the dialects stand for the same plans as those in the language itself.

use nephele_dsl::{Fetch, Fetched, ImportError, Options, Resolver, Source, Version, parse};

/// As `wget_blueprint_updated.yml` and others use the dialects: lifecycle interfaces, relationships, types of
/// their own, inputs with names for people, a part without a version that is imported.
const MAIN: &str = "
tosca_definitions_version: @VERSION@
imports: [@PREFIX@/types/types.yaml, parts.yaml, 'plugin:@PLUGIN@-plugin']
inputs:
  key:
    display_label: Key
    type: secret_key
    @FORM@
  size: {type: integer, default: 2, constraints: [{in_range: [1, 20]}]}
@GROUPS@
node_types:
  shop.Service:
    derived_from: @PREFIX@.nodes.SoftwareComponent
    properties: {kind: {default: @PREFIX@.nodes.Compute}, site: {default: @PREFIX@.com}}
    interfaces:
      @PREFIX@.interfaces.lifecycle: {start: scripts/start.sh}
node_templates:
  service:
    type: shop.Service
    properties: &shared {site: here}
    relationships: [{type: @PREFIX@.relationships.depends_on, target: host}]
  other: {type: shop.Service, properties: *shared}
  cloud: {type: @PREFIX@.nodes.aws.Instances, properties: {@TAGGING@: true}}
capabilities:
  address: {value: {get_attribute: [host, ip]}}
labels: {csys-obj-type: {values: [environment]}}
";

const PARTS: &str = "
node_templates:
  host:
    type: @PREFIX@.nodes.Compute
    interfaces:
      @PREFIX@.interfaces.lifecycle: {check_drift: scripts/start.sh}
";

const PLUGIN: &str = "
plugins: {aws: {executor: central_deployment_agent, package_name: cloudify-aws-plugin}}
node_types:
  cloudify.nodes.aws.Instances:
    derived_from: cloudify.nodes.Root
    properties: {cloudify_tagging: {default: false}}
    interfaces: {cloudify.interfaces.lifecycle: {create: aws.tasks.create}}
";

struct Parts(String);

impl Fetch for Parts {
    fn fetch(&self, location: &str, _version: Version) -> Result<Fetched, ImportError> {
        match location {
            "file:/parts.yaml" => Ok(Fetched::Text(self.0.clone())),
            "plugin:cloudify-aws-plugin" => Ok(Fetched::Text(PLUGIN.to_owned())),
            _ => Err(ImportError::unreachable(location, "there is nothing")),
        }
    }

    fn exists(&self, location: &str) -> bool {
        location == "file:/scripts/start.sh"
    }
}

fn plan(version: &str, prefix: &str) -> Result<String, String> {
    let is_dialect = prefix != "cloudify";
    let form = if is_dialect { "display: {group: access, index: 0}\n    allow_update: false" } else { "hidden: false" };
    let groups = if is_dialect { "input_groups: {access: {display_label: Access, inputs: [key]}}" } else { "" };
    let plugin = match prefix {
        "cloudify" => "cloudify-aws",
        "nativeedge" => "nativeedge-aws",
        _ => "aws",
    };
    let fill = |text: &str| {
        text.replace("@VERSION@", version)
            .replace("@PREFIX@", prefix)
            .replace("@FORM@", form)
            .replace("@GROUPS@", groups)
            .replace("@PLUGIN@", plugin)
            .replace("@TAGGING@", if prefix == "nativeedge" { "nativeedge_tagging" } else { "cloudify_tagging" })
    };
    let main = Source::new("file:/blueprint.yaml", fill(MAIN));
    let parsed = parse(&main, &Resolver::new(Parts(fill(PARTS))), &Options::default());
    let parsed = parsed.map_err(|problems| problems[0].to_string())?;
    let text = serde_json::to_string(&parsed.plan).map_err(|error| error.to_string())?;
    // A name that is none of the language's stays as it is.
    Ok(text
        .replace(&format!("{prefix}.com"), "ours.com")
        .replace(r#""hidden":false,"#, "")
        .replace(r#","hidden":false"#, ""))
}

#[test]
fn each_dialect_gives_the_plan_of_the_newest_version() {
    let own = plan("cloudify_dsl_1_5", "cloudify");
    assert!(own.as_ref().is_ok_and(|plan| plan.contains("cloudify.interfaces.lifecycle.start")), "{own:?}");
    for (version, prefix) in [("nativeedge_1_0", "nativeedge"), ("dell_1_0", "dell"), ("dell_1_1", "dell")] {
        assert_eq!(plan(version, prefix), own, "{version}");
    }
}

#[test]
fn the_language_itself_knows_no_words_of_dialects() {
    for prefix in ["nativeedge", "dell"] {
        assert!(plan("cloudify_dsl_1_5", prefix).is_err(), "{prefix}");
    }
    assert!(plan("dell_2_0", "dell").is_err_and(|problem| problem.contains("Unexpected tosca_definitions_version")));
}
