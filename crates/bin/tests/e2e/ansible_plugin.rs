//! The built-in plugin for Ansible, with the real `ansible-playbook` on this machine.

use nephele_testkit::python;
use nephele_testkit::rest::blueprint;
use serde_json::json;

use crate::deployed::{Deployed, example, left_nothing};
use crate::home;

const BLUEPRINT: &str = "
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml, 'plugin:nephele-ansible']
inputs:
  program: {type: string}
  folder: {type: string}
  host: {default: {ansible_connection: local, ansible_python_interpreter: '{{ ansible_playbook_python }}'}}
node_templates:
  host:
    type: cloudify.nodes.Root
  app:
    type: cloudify.nodes.ansible.Executor
    properties:
      ansible_playbook_executable_path: {get_input: program}
      playbook_path: plays/site.yaml
      additional_playbook_files: [plays/templates/page.j2]
      run_data: {folder: {get_input: folder}, password: {get_secret: word}}
      options_config: {skip_tags: [never_here]}
      number_of_attempts: 2
    interfaces:
      cloudify.interfaces.lifecycle:
        start: {implementation: ansible.cloudify_ansible.tasks.run, retry_interval: 0}
    relationships:
      - type: cloudify.relationships.ansible.connected_to_host
        target: host
        source_interfaces:
          cloudify.interfaces.relationship_lifecycle:
            preconfigure:
              inputs: {hostname: here, group_name: web, host_config: {get_input: host}}
";

const PLAYBOOK: &str = "
- hosts: web
  gather_facts: false
  tasks:
    - ansible.builtin.template: {src: page.j2, dest: '{{ folder }}/page'}
    - ansible.builtin.debug: {msg: 'the word is {{ password }}'}
    - ansible.builtin.command: 'false'
      tags: never_here
    - ansible.builtin.command: 'test ! -e {{ folder }}/broken'
";

#[tokio::test(flavor = "multi_thread")]
async fn the_example_runs_its_playbook() {
    let home = home();
    let deployed = Deployed::on(&home, &[]).await;
    let inputs = json!({"ansible_playbook_executable_path": python::ansible_playbook()});
    deployed.deploy("ansible", &example("ansible"), inputs).await;
    deployed.runs("ansible", "install", json!({})).await;
    assert_eq!(deployed.outputs("ansible").await, json!({"sentence": "Hello from localhost"}));
    left_nothing(&home);
}

#[tokio::test(flavor = "multi_thread")]
async fn playbooks_reach_related_hosts_and_tell_no_secrets() {
    let home = home();
    let deployed = Deployed::on(&home, &[("word", "open-sesame")]).await;
    let folder = home.folder().join("app");
    blueprint(
        &folder,
        BLUEPRINT,
        &[("plays/site.yaml", PLAYBOOK), ("plays/templates/page.j2", "by {{ inventory_hostname }}")],
    );
    let inputs = json!({"program": python::ansible_playbook(), "folder": home.folder()});
    deployed.deploy("d", &folder, inputs.clone()).await;
    let told = deployed.runs("d", "install", json!({})).await;
    assert_eq!(std::fs::read_to_string(home.folder().join("page")).unwrap(), "by here");
    assert!(told.contains("the word is ********") && !told.contains("open-sesame"), "{told}");

    std::fs::write(home.folder().join("broken"), "").unwrap();
    deployed.rest.create_deployment("fails", "d", inputs.clone()).await.expect(201);
    let (error, told) = deployed.fails("fails", "install").await;
    assert!(error.contains("One or more hosts failed; ansible-playbook ended with exit code 2"), "{error}");
    assert_eq!(told.matches("Execution done (").count(), 1, "it was tried again: {told}");

    let mut unreachable = inputs;
    unreachable["host"] = json!({"ansible_host": "127.0.0.1", "ansible_port": 1});
    deployed.rest.create_deployment("unreachable", "d", unreachable).await.expect(201);
    let (error, told) = deployed.fails("unreachable", "install").await;
    assert!(told.contains("unreachable, attempt 1 of 2") && error.contains("unreachable; ansible-playbook"), "{told}");
    left_nothing(&home);
}

const STEPS: &str = "
- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.shell: 'echo first >> {{ folder }}/steps'
      tags: zebra
    - ansible.builtin.shell: 'echo second >> {{ folder }}/steps; test ! -e {{ folder }}/broken'
      tags: [middle]
    - ansible.builtin.shell: 'echo third >> {{ folder }}/steps'
      tags: [ant, never]
    - ansible.builtin.shell: 'echo last >> {{ folder }}/steps'
      tags: alpha
    - ansible.builtin.shell: 'echo untagged >> {{ folder }}/steps'
";

const TAGGED: &str = "
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml, 'plugin:nephele-ansible']
inputs:
  program: {type: string}
  folder: {type: string}
  tags: {default: []}
node_templates:
  app:
    type: cloudify.nodes.ansible.Executor
    properties:
      ansible_playbook_executable_path: {get_input: program}
      playbook_path: steps.yaml
      sources:
        all:
          hosts:
            localhost:
              ansible_connection: local
              ansible_python_interpreter: '{{ ansible_playbook_python }}'
      run_data: {folder: {get_input: folder}}
      auto_tags: true
      tags: {get_input: tags}
";

#[tokio::test(flavor = "multi_thread")]
async fn tags_are_run_one_after_the_other_and_not_again_after_a_failure() {
    let home = home();
    let deployed = Deployed::on(&home, &[]).await;
    let folder = home.folder().join("app");
    blueprint(&folder, TAGGED, &[("steps.yaml", STEPS)]);
    let inputs = json!({"program": python::ansible_playbook(), "folder": home.folder()});
    let (steps, broken) = (home.folder().join("steps"), home.folder().join("broken"));
    let taken = || std::fs::read_to_string(&steps).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
    std::fs::write(&broken, "").unwrap();
    deployed.deploy("d", &folder, inputs.clone()).await;
    deployed.fails("d", "install").await;
    assert_eq!(taken(), "first second");
    let properties = deployed.properties("d", "app").await;
    assert_eq!(properties["completed_tags"], json!(["zebra"]));
    assert_eq!(properties["available_tags"], json!(["middle", "alpha"]));
    std::fs::remove_file(&broken).unwrap();
    deployed.runs("d", "install", json!({})).await;
    assert_eq!(taken(), "first second second last");
    assert_eq!(deployed.properties("d", "app").await["completed_tags"], json!(["zebra", "middle", "alpha"]));

    std::fs::remove_file(&steps).unwrap();
    let mut named = inputs;
    named["tags"] = json!(["alpha", "zebra"]);
    deployed.rest.create_deployment("named", "d", named).await.expect(201);
    deployed.runs("named", "install", json!({})).await;
    assert_eq!(taken(), "last first");
    left_nothing(&home);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_is_not_there_is_named() {
    let home = home();
    let deployed = Deployed::on(&home, &[]).await;
    let inputs = json!({"ansible_playbook_executable_path": "/nowhere/ansible-playbook"});
    deployed.deploy("ansible", &example("ansible"), inputs).await;
    let (error, _) = deployed.fails("ansible", "install").await;
    assert!(error.contains("There is no program /nowhere/ansible-playbook. Install Ansible"), "{error}");
}
