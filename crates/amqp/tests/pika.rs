//! The clients that the server is for: `pika`, and `cloudify.amqp_client` on top of it, unmodified.

#![expect(clippy::expect_used, reason = "test code fails by panicking")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::BoxFuture;
use nephele_amqp::{Guard, Login};
use nephele_bus::{Bus, Local, Message, Vhost, topology};
use nephele_model::id::ExecutionId;
use nephele_testkit::python;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

/// Lets execution `e1` of the tenant `acme` in while it is open.
struct Door(AtomicBool);

impl Guard for Door {
    fn admit<'a>(&'a self, login: &'a Login) -> BoxFuture<'a, Option<ExecutionId>> {
        let place = login.vhost == Vhost::Manager || login.vhost == Vhost::Tenant("acme".into());
        let right = login.username == "e1" && login.password.expose() == "pass" && place;
        let id = (right && self.0.load(Ordering::SeqCst)).then(|| ExecutionId::new("e1"));
        Box::pin(std::future::ready(id))
    }
}

struct Broker {
    bus: Arc<dyn Bus>,
    door: Arc<Door>,
    address: SocketAddr,
    _stop: tokio_util::sync::DropGuard,
}

async fn broker() -> Broker {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (bus, door) = (Arc::new(Local::new()), Arc::new(Door(AtomicBool::new(true))));
    let stop = CancellationToken::new();
    tokio::spawn(nephele_amqp::serve(listener, bus.clone(), door.clone(), stop.clone()));
    Broker { bus, door, address, _stop: stop.drop_guard() }
}

/// What every program begins with.
const PRELUDE: &str = "
import json, os, sys, time, pika
PORT = int(sys.argv[1])
OWN = 'execution_responses_e1'
def connect(user='e1', password='pass', vhost='/', **more):
    return pika.BlockingConnection(pika.ConnectionParameters(
        host='127.0.0.1', port=PORT, virtual_host=vhost, credentials=pika.PlainCredentials(user, password), **more))
def refused(kind, what):
    try:
        what()
    except kind as error:
        return error
    raise AssertionError('not refused')
";

impl Broker {
    /// Runs a Python program, and gives the JSON that it prints last.
    async fn python(&self, program: &str) -> Value {
        let folder = tempfile::tempdir().expect("a folder");
        let config = json!({"broker_hostname": "127.0.0.1", "broker_username": "e1", "broker_password": "pass"});
        std::fs::write(folder.path().join("broker_config.json"), config.to_string()).expect("a file");
        let mut command = Command::new(python::program());
        command.args(["-c", &format!("{PRELUDE}{program}"), &self.address.port().to_string()]);
        command.env("AGENT_WORK_DIR", folder.path()).stderr(Stdio::inherit()).kill_on_drop(true);
        let ended = tokio::time::timeout(Duration::from_mins(1), command.output()).await.expect("it ends");
        let said = String::from_utf8(ended.expect("python runs").stdout).expect("text");
        let last = said.lines().last().unwrap_or_else(|| panic!("it said nothing"));
        serde_json::from_str(last).unwrap_or_else(|_| panic!("{said}"))
    }

    /// Answers operations with their own body until dropped.
    async fn echo(&self) -> tokio::task::JoinHandle<()> {
        let mut operations = self.bus.subscribe(topology::operations(), 100).await.expect("a bus");
        let bus = self.bus.clone();
        tokio::spawn(async move {
            while let Some(delivery) = operations.next().await {
                let Message { body, reply_to, correlation_id } = delivery.message.clone();
                let to = topology::operations().answer(&reply_to.expect("an operation wants an answer"));
                let answer = Message { body: json!({"ok": true, "result": body}), reply_to: None, correlation_id };
                bus.publish(to, answer).await.expect("a bus");
                delivery.ack().await.expect("a bus");
            }
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_is_asked_for_and_answered() {
    let broker = broker().await;
    let _worker = broker.echo().await;
    let program = "
connection = connect()
channel = connection.channel()
channel.confirm_delivery()
channel.exchange_declare(exchange='cloudify.management', auto_delete=False, durable=True, exchange_type='direct')
channel.queue_declare(queue=OWN, durable=True, auto_delete=False)
answers = []
def process(channel, method, properties, body):
    answers.append([properties.correlation_id, method.exchange, method.routing_key, method.redelivered,
                    properties.delivery_mode, len(json.loads(body.decode())['result'].get('x', ''))])
    channel.basic_ack(method.delivery_tag)
channel.basic_consume(queue=OWN, on_message_callback=process)
channel.queue_bind(queue=OWN, exchange='cloudify.management', routing_key=OWN)
for number, size in enumerate([1, 200000, 5 << 20]):
    channel.basic_publish('cloudify.management', 'operation', json.dumps({'x': 'y' * size}),
                          pika.BasicProperties(reply_to=OWN, correlation_id='c%d' % number, delivery_mode=2))
while len(answers) < 3:
    connection.process_data_events(0.05)
channel.queue_delete(queue=OWN, if_empty=True)
connection.close()
print(json.dumps(sorted(answers)))
";
    let row = |id: &str, size: usize| json!([id, "cloudify.management", "execution_responses_e1", false, 2, size]);
    assert_eq!(broker.python(program).await, json!([row("c0", 1), row("c1", 200_000), row("c2", 5 << 20)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_and_the_queues_of_others_are_refused() {
    let broker = broker().await;
    let program = "
from pika import exceptions as e
codes = [type(refused(e.AMQPConnectionError, what)).__name__ for what in [
    lambda: connect(password='guess'), lambda: connect(user='e2'), lambda: connect(vhost='rabbitmq_vhost_other'),
    lambda: connect(vhost='nowhere')]]
connection = connect()
def attempt(name, *args, **kwargs):
    channel = connection.channel()
    channel.confirm_delivery()
    channel.queue_declare(queue=OWN)
    return refused(e.ChannelClosedByBroker, lambda: getattr(channel, name)(*args, **kwargs)).reply_code
codes += [
    attempt('queue_declare', 'execution_responses_e2'), attempt('queue_delete', 'cloudify.management_operation'),
    attempt('basic_consume', 'cloudify.management_workflow', lambda *_: None),
    attempt('queue_bind', OWN, 'cloudify.management', 'operation'),
    attempt('basic_publish', 'cloudify.management', 'workflow', '{}'),
    attempt('basic_publish', '', 'execution_responses_e2', '{}'),
    attempt('basic_publish', 'cloudify.management', 'operation', '{}',
            pika.BasicProperties(reply_to='execution_responses_e2')),
    attempt('basic_publish', 'cloudify.management', 'operation', 'no json'),
    attempt('exchange_declare', 'mine')]
channel = connection.channel()
codes.append(refused(e.ConnectionClosedByBroker, lambda: channel.basic_get(OWN)).reply_code)
print(json.dumps(codes))
";
    let said = broker.python(program).await;
    let denied = ["ProbableAccessDeniedError"; 4].map(Value::from);
    let codes = [403, 403, 403, 403, 403, 403, 403, 406, 403, 540].map(Value::from);
    assert_eq!(said, Value::from([&denied[..], &codes[..]].concat()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_acknowledged_comes_again() {
    let broker = broker().await;
    let program = "
def consume(acknowledge):
    connection = connect(heartbeat=2)
    channel = connection.channel()
    channel.basic_qos(prefetch_count=2)
    channel.queue_declare(queue=OWN, durable=True)
    got = []
    def process(channel, method, properties, body):
        got.append([json.loads(body.decode()), method.redelivered])
        if acknowledge:
            channel.basic_ack(method.delivery_tag)
    channel.basic_consume(queue=OWN, on_message_callback=process)
    end = time.time() + 4
    while time.time() < end and len(got) < (4 if acknowledge else 99):
        connection.process_data_events(0.05)
    connection.close()
    return got
first = consume(False)
print(json.dumps([first, consume(True)]))
";
    for number in 0..4 {
        let message = Message::new(json!(number));
        broker.bus.publish(topology::responses(&"e1".into()), message).await.expect("a bus");
    }
    // Two in hand at a time; what was in hand is marked when it comes again. Heartbeats kept it alive.
    let expected = json!([[[0, false], [1, false]], [[0, true], [1, true], [2, false], [3, false]]]);
    assert_eq!(broker.python(program).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_nobody_has_gives_no_sign_of_life() {
    let broker = broker().await;
    let program = "
import cloudify
cloudify.BROKER_PORT_NO_SSL = PORT
from cloudify import amqp_client
client = amqp_client.get_client(amqp_vhost='rabbitmq_vhost_acme')
print(json.dumps(amqp_client.is_agent_alive('nobody', client, timeout=1)))
";
    assert_eq!(broker.python(program).await, json!(false));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_stops_counting_ends_its_connections() {
    let broker = broker().await;
    let program = "
from pika import exceptions as e
connection = connect()
channel = connection.channel()
def wait():
    while True:
        connection.process_data_events(1)
error = refused(e.ConnectionClosedByBroker, wait)
print(json.dumps([error.reply_code, type(refused(e.AMQPConnectionError, connect)).__name__]))
";
    let door = broker.door.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(2)).await;
        door.0.store(false, Ordering::SeqCst);
    });
    assert_eq!(broker.python(program).await, json!([320, "ProbableAccessDeniedError"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn noise_does_no_harm() {
    let broker = broker().await;
    let address = broker.address;
    let said = tokio::task::spawn_blocking(move || {
        let mut said = Vec::new();
        for noise in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"AMQP\0\0\x09\x00", &[1, 0, 0, 0xff, 0xff, 0xff, 0xff, 0]] {
            let mut socket = TcpStream::connect(address).expect("it listens");
            socket.set_read_timeout(Some(Duration::from_secs(15))).expect("a timeout");
            socket.write_all(noise).expect("it takes bytes");
            let mut answer = Vec::new();
            let _ = socket.read_to_end(&mut answer);
            said.push(answer);
        }
        said
    });
    let said = said.await.expect("it ends");
    assert_eq!(said[1], b"AMQP\0\0\x09\x01", "the version that is spoken here");
    assert!(said[0].is_empty() && said[2].is_empty(), "{said:?}");
    assert_eq!(broker.python("connect().close()\nprint('true')").await, json!(true), "others are served");
}
