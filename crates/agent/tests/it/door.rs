//! The door, over a real tunnel on loopback: who is let in, who is not, and with which word.

use std::{net::SocketAddr, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use dbc_agent::{agent::Agent, chain::CloseReason, execute::NoCheckpoint, server::Server};
use dbc_agent_api::{
    ALPN_AUDIT, ALPN_CONTROL, ALPN_SSH, ALPN_TCP, ApiError, ErrorCode, Verb, Verbs, WorkloadSpec,
    audit::{Answer, Ask},
    control::{Phase, Reply, Request},
    hello::{Hello, host_key_message},
};
use dbc_bench::{Params, Place as Row, Prover};
use dbc_grants::{Delegation, Grant, GrantTerms, HolderKey};
use dbc_primitives::audit::Terms;
use dbc_tunnel::{
    ConnectError, Dialer, DialerConfig, Limits, Listener, ListenerConfig, Opened, Paths, Stream,
    Target, read_frame, write_frame,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use crate::world::{BEGIN, GENESIS, KEY, LEASE, LONG, World, phase, put, spec, until};

const LOOPBACK: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);
const NOW: u64 = BEGIN * 3;

/// A machine with an open door, and a renter's device.
struct Place {
    world: World,
    agent: Agent,
    listener: Arc<Listener>,
    device: HolderKey,
}

impl Place {
    async fn new() -> Self {
        Self::over(World::new()).await
    }

    async fn over(world: World) -> Self {
        let config = ListenerConfig {
            relays: Vec::new(),
            bind: Some(LOOPBACK),
            paths: Paths::DirectOnly,
            alpns: Server::alpns(),
            limits: Limits::default(),
        };
        let listener = Listener::bind(world.keys.endpoint_seed(), config).await.unwrap();
        let listener = Arc::new(listener);
        let agent = world.agent_with(Arc::new(NoCheckpoint), Some(listener.clone())).await;
        until("the agent knows the time", || async { agent.ledger.clock().now().unix_s > 0 }).await;
        Self { world, agent, listener, device: HolderKey::from_seed(&[1; 32]) }
    }

    async fn running() -> Self {
        let place = Self::new().await;
        place.world.chain.put(place.world.lease());
        put(&place.agent, spec()).await;
        phase(&place.agent, Phase::Running).await;
        place
    }

    fn terms(&self, verbs: &[Verb]) -> GrantTerms {
        GrantTerms {
            genesis: GENESIS,
            machine: self.world.keys.machine(),
            lease: LEASE,
            epoch: 0,
            holder: self.device.public(),
            verbs: verbs.iter().copied().collect(),
            until: NOW + 3600,
            pinned: false,
        }
    }

    fn grant(&self, verbs: &[Verb]) -> Grant {
        self.mint(&self.terms(verbs))
    }

    fn mint(&self, terms: &GrantTerms) -> Grant {
        Grant::mint(&self.world.access, terms, NOW).unwrap()
    }

    fn owner(&self) -> Grant {
        self.grant(&Verbs::owner().0.into_iter().collect::<Vec<_>>())
    }

    async fn open(
        &self,
        device: &HolderKey,
        alpn: &[u8],
        hello: &Hello,
    ) -> Result<Stream, ApiError> {
        self.connect(device, alpn, hello).await.map(|opened| opened.stream)
    }

    async fn connect(
        &self,
        device: &HolderKey,
        alpn: &[u8],
        hello: &Hello,
    ) -> Result<Opened, ApiError> {
        let config = DialerConfig {
            bind: Some(LOOPBACK),
            paths: Paths::DirectOnly,
            ..DialerConfig::default()
        };
        let dialer = Dialer::bind(&device.seed(), config).await.unwrap();
        let mut target = Target::new(self.listener.id());
        target.direct = self.listener.bound();
        let opened = timeout(LONG, dialer.open(&target, alpn, hello)).await.unwrap();
        // Kept open for as long as the test runs.
        std::mem::forget(dialer);
        match opened {
            Ok(opened) => Ok(opened),
            Err(ConnectError::Refused(error)) => Err(error),
            Err(other) => panic!("{other}"),
        }
    }

    /// One request under a grant, and all its answers.
    async fn ask(&self, grant: &Grant, request: &Request) -> Result<Vec<Reply>, ApiError> {
        let mut stream = self.open(&self.device, ALPN_CONTROL, &hello(grant)).await?;
        write_frame(&mut stream, request).await.unwrap();
        answers(&mut stream).await
    }

    async fn refused(&self, grant: &Grant) -> ErrorCode {
        self.refused_as(&self.device, grant).await
    }

    async fn refused_as(&self, device: &HolderKey, grant: &Grant) -> ErrorCode {
        self.open(device, ALPN_CONTROL, &hello(grant)).await.expect_err("refused").code
    }

    async fn forward(&self, grant: &Grant, port: u16) -> Result<Stream, ApiError> {
        let hello = Hello { port: Some(port), ..hello(grant) };
        self.open(&self.device, ALPN_TCP, &hello).await
    }
}

fn hello(grant: &Grant) -> Hello {
    Hello { lease: LEASE, workload: 0, grant: grant.encode(), port: None }
}

async fn answers(stream: &mut Stream) -> Result<Vec<Reply>, ApiError> {
    let mut replies = Vec::new();
    while let Some(reply) = timeout(LONG, read_frame(stream)).await.unwrap().unwrap() {
        match reply {
            Reply::Error(error) => return Err(error),
            reply => replies.push(reply),
        }
    }
    Ok(replies)
}

fn phases(replies: &[Reply]) -> Vec<Phase> {
    let phase = |reply: &Reply| match reply {
        Reply::Status(status) => status.phase,
        other => panic!("{other:?}"),
    };
    replies.iter().map(phase).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renter_puts_watches_reads_and_forwards() {
    let place = Place::new().await;
    place.guest_listens();
    let owner = place.owner();
    // The lease stands in the best block alone, and the agent has not heard of it yet.
    place.world.chain.put_best(place.world.lease());
    let done = place.ask(&owner, &Request::Put(Box::new(spec()))).await.unwrap();
    assert_eq!(done, [Reply::Done]);
    let status = place.ask(&owner, &Request::Status).await.unwrap();
    assert_ne!(phases(&status), [Phase::Absent]);
    place.world.chain.finalize();
    let seen = phases(&place.ask(&owner, &Request::Watch).await.unwrap());
    assert_eq!(seen.last(), Some(&Phase::Running), "{seen:?}");

    place.world.fake.backend.print(KEY, true, "hello\n");
    let logs = place.ask(&owner, &Request::Logs { follow: false, tail: 10 }).await.unwrap();
    assert!(matches!(&logs[..], [Reply::Log { text, .. }] if text == "hello\n"), "{logs:?}");

    let mut stream = place.forward(&owner, 8888).await.unwrap();
    stream.write_all(b"ping").await.unwrap();
    let mut back = [0; 4];
    stream.read_exact(&mut back).await.unwrap();
    assert_eq!(&back, b"ping");
    let closed = place.forward(&owner, 9999).await.unwrap_err();
    assert_eq!(closed.code, ErrorCode::PortClosed);

    assert_eq!(place.ask(&owner, &Request::Stop).await.unwrap(), [Reply::Done]);
    let status = place.ask(&owner, &Request::Status).await.unwrap();
    assert_eq!(phases(&status), [Phase::Stopped]);
    place.agent.shutdown().await;
}

impl Place {
    fn guest_listens(&self) {
        self.world.guest.listen(8888);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_20_a_grant_is_honoured_for_its_holder_lease_time_and_verbs_alone() {
    let place = Place::running().await;
    let all = place.terms(&[Verb::View]);
    let thief = HolderKey::from_seed(&[66; 32]);
    assert_eq!(
        place.refused_as(&thief, &place.mint(&all)).await,
        ErrorCode::GrantNotHolder,
        "stolen"
    );
    let foreign = place.mint(&GrantTerms { genesis: [8; 32], ..all.clone() });
    assert_eq!(place.refused(&foreign).await, ErrorCode::GrantForeign);
    let other = dbc_grants::AccessKey::from_seed(&[6; 32]);
    let forged = Grant::mint(&other, &all, NOW).unwrap();
    assert_eq!(place.refused(&forged).await, ErrorCode::GrantInvalid);
    let old = place.mint(&GrantTerms { until: NOW + 30, ..all.clone() });
    place.ask(&old, &Request::Status).await.unwrap();
    place.world.chain.advance_to(BEGIN + 10);
    until("time", || async { place.agent.ledger.clock().now().finalized >= BEGIN + 10 }).await;
    assert_eq!(place.refused(&old).await, ErrorCode::GrantExpired);

    let viewer = place.grant(&[Verb::View]);
    let refused = place.ask(&viewer, &Request::Stop).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::GrantVerb);
    let refused = place.forward(&viewer, 8888).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::GrantVerb);
    // Handed on, and no wider than it was.
    let friend = HolderKey::from_seed(&[2; 32]);
    let verbs = [Verb::View].into_iter().collect();
    let handed = Delegation { holder: friend.public(), verbs, until: NOW + 100 };
    let handed = viewer.delegate(&place.device, &handed).unwrap();
    assert!(place.open(&friend, ALPN_CONTROL, &hello(&handed)).await.is_ok());
    assert_eq!(place.refused(&handed).await, ErrorCode::GrantNotHolder);
    place.agent.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_that_is_not_here_is_said_so() {
    let place = Place::running().await;
    let terms = place.terms(&[Verb::View]);
    let grant = place.mint(&GrantTerms { lease: 8, ..terms });
    let hello = Hello { lease: 8, ..hello(&grant) };
    let refused = place.open(&place.device, ALPN_CONTROL, &hello).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::LeaseNotFound);
    place.agent.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_cuts_open_streams_and_survives_a_restart() {
    let place = Place::running().await;
    place.guest_listens();
    let friend = place.grant(&[Verb::Forward]);
    let mut open = place.forward(&friend, 8888).await.unwrap();
    let ids = vec![hex::encode(&friend.revocation_ids()[0])];
    let owner = place.owner();
    let revoked = place.ask(&owner, &Request::Revoke { ids }).await.unwrap();
    assert_eq!(revoked, [Reply::Done]);
    let mut byte = [0];
    let cut = timeout(LONG, open.read(&mut byte)).await.unwrap();
    assert!(matches!(cut, Ok(0) | Err(_)), "{cut:?}");
    assert_eq!(place.refused(&friend).await, ErrorCode::GrantRevoked);
    for bad in [vec!["xyz".to_owned()], vec![String::new()], vec!["00".into(); 65]] {
        let refused = place.ask(&owner, &Request::Revoke { ids: bad }).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::InvalidInput);
    }

    let Place { world, agent, .. } = place;
    agent.kill().await;
    let place = Place::over(world).await;
    assert_eq!(place.refused(&friend).await, ErrorCode::GrantRevoked);
    assert!(place.ask(&owner, &Request::Status).await.is_ok());
    // The owner changes the access on the chain: every grant before is void.
    place.world.chain.change(LEASE, |lease| lease.grant_epoch = 1);
    until("epoch", || async {
        place.open(&place.device, ALPN_CONTROL, &hello(&owner)).await.is_err()
    })
    .await;
    assert_eq!(place.refused(&owner).await, ErrorCode::GrantRevoked);
    place.agent.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_and_silence_are_refused_with_a_word() {
    let place = Place::running().await;
    let owner = place.owner();
    let mut stream = place.open(&place.device, ALPN_CONTROL, &hello(&owner)).await.unwrap();
    write_frame(&mut stream, &serde_json::json!({ "destroy": true })).await.unwrap();
    assert_eq!(answers(&mut stream).await.unwrap_err().code, ErrorCode::InvalidInput);
    let mut spec = WorkloadSpec::container("a b");
    spec.version = 9;
    let refused = place.ask(&owner, &Request::Put(Box::new(spec))).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::InvalidSpec);
    let zero = place.forward(&owner, 0).await.unwrap_err();
    assert_eq!(zero.code, ErrorCode::InvalidInput);
    let garbled = Hello { grant: "x".repeat(100), ..hello(&owner) };
    let refused = place.open(&place.device, ALPN_CONTROL, &garbled).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::GrantInvalid);
    place.agent.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_the_close_the_state_can_be_seen_and_nothing_started() {
    let place = Place::running().await;
    let owner = place.owner();
    place.world.chain.close(LEASE, CloseReason::EndedByRenter, BEGIN + 1000);
    phase(&place.agent, Phase::Closed).await;
    let status = place.ask(&owner, &Request::Status).await.unwrap();
    assert_eq!(phases(&status), [Phase::Closed]);
    let refused = place.ask(&owner, &Request::Start).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::LeaseClosed);
    let refused = place.ask(&owner, &Request::Put(Box::new(spec()))).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::LeaseClosed);
    place.agent.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ssh_is_served_under_a_host_key_that_the_machine_vouches_for() {
    use ed25519_dalek::{Signature, Verifier, VerifyingKey};

    let place = Place::running().await;
    let shell = place.grant(&[Verb::Shell]);
    let opened = place.connect(&place.device, ALPN_SSH, &hello(&shell)).await.unwrap();
    let vouched = opened.host_key.expect("a host key");
    let machine = VerifyingKey::from_bytes(&place.world.keys.machine()).unwrap();
    let signature: [u8; 64] = hex::decode(&vouched.signature).unwrap().try_into().unwrap();
    let message = host_key_message(&GENESIS, LEASE, &vouched.openssh);
    machine.verify(&message, &Signature::from_bytes(&signature)).unwrap();
    let mut stream = opened.stream;
    stream.write_all(b"SSH-2.0-test\r\n").await.unwrap();
    let mut banner = [0; 12];
    timeout(LONG, stream.read_exact(&mut banner)).await.unwrap().unwrap();
    assert_eq!(&banner, b"SSH-2.0-dbc_");
    // The key stays the lease's.
    let again = place.connect(&place.device, ALPN_SSH, &hello(&shell)).await.unwrap();
    assert_eq!(again.host_key, Some(vouched));

    let viewer = place.grant(&[Verb::View]);
    let refused = place.open(&place.device, ALPN_SSH, &hello(&viewer)).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::GrantVerb);
    place.ask(&place.owner(), &Request::Stop).await.unwrap();
    let refused = place.open(&place.device, ALPN_SSH, &hello(&shell)).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::WrongState);
    place.agent.shutdown().await;
}

/// What the machine says to an auditor's question.
async fn challenged(stream: &mut Stream, ask: &Ask) -> Answer {
    write_frame(stream, ask).await.unwrap();
    let answer = timeout(LONG, read_frame::<Answer, _>(stream)).await.unwrap();
    answer.unwrap().expect("an answer")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_auditor_has_one_challenge_at_a_time() {
    let place = Place::new().await;
    let terms =
        Terms { gpus: 0, edge: 16, links: 3, openings: 8, commit_ms: 5_000, open_ms: 5_000 };
    let other = HolderKey::from_seed(&[2; 32]);
    for device in [&place.device, &other] {
        place.world.chain.draw(7, device.public(), terms);
    }
    let nothing = Hello { lease: 0, workload: 0, grant: String::new(), port: None };
    let begin = Ask::Challenge { audit: 7, seed: hex::encode([5; 32]) };
    let open = async |device| place.open(device, ALPN_AUDIT, &nothing).await.unwrap();
    let mut first = open(&place.device).await;
    assert!(matches!(challenged(&mut first, &begin).await, Answer::Root(_)));
    let second = challenged(&mut open(&place.device).await, &begin).await;
    assert!(matches!(&second, Answer::Error(error) if error.code == ErrorCode::Busy), "{second:?}");
    // Whoever else is drawn is not kept waiting, and neither is he once he is done.
    let answer = challenged(&mut open(&other).await, &begin).await;
    assert!(matches!(answer, Answer::Root(_)), "{answer:?}");
    let done = challenged(&mut first, &Ask::Open { places: vec![(0, 0)] }).await;
    assert!(matches!(done, Answer::Openings(_)), "{done:?}");
    until("the place to be free", || async {
        matches!(challenged(&mut open(&place.device).await, &begin).await, Answer::Root(_))
    })
    .await;
    place.agent.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_drawn_challenges_the_machine_and_nobody_else_does() {
    let place = Place::new().await;
    let terms =
        Terms { gpus: 0, edge: 16, links: 3, openings: 8, commit_ms: 5_000, open_ms: 5_000 };
    place.world.chain.draw(7, place.device.public(), terms);
    let nothing = Hello { lease: 0, workload: 0, grant: String::new(), port: None };
    let stranger = HolderKey::from_seed(&[2; 32]);
    let ask = async |device: &HolderKey, asks: &[Ask]| {
        loop {
            let mut stream = place.open(device, ALPN_AUDIT, &nothing).await.unwrap();
            let mut last = None;
            for ask in asks {
                last = Some(challenged(&mut stream, ask).await);
                if matches!(last, Some(Answer::Error(_))) {
                    break;
                }
            }
            match last.expect("an answer") {
                // The machine has not noticed yet that the stream before is gone.
                Answer::Error(error) if error.code == ErrorCode::Busy => {}
                last => return last,
            }
        }
    };
    let challenge = |audit| Ask::Challenge { audit, seed: hex::encode([5; 32]) };
    let open = |places: &[(u32, u32)]| Ask::Open { places: places.to_vec() };

    let params = Params { seed: [5; 32], edge: 16, links: 3, lanes: 1 };
    let honest = Prover::run(params);
    let root = ask(&place.device, &[challenge(7)]).await;
    assert_eq!(root, Answer::Root(hex::encode(honest.root())));
    let opened = ask(&place.device, &[challenge(7), open(&[(2, 15), (0, 0)])]).await;
    let rows: Vec<_> = [Row { link: 2, row: 15 }, Row { link: 0, row: 0 }]
        .map(|row| honest.open(row).unwrap())
        .into();
    assert_eq!(opened, Answer::Openings(STANDARD.encode(codec::Encode::encode(&rows))));

    let refused = |answer| match answer {
        Answer::Error(error) => error.message,
        other => panic!("{other:?}"),
    };
    assert!(refused(ask(&stranger, &[challenge(7)]).await).contains("not drawn"));
    assert!(refused(ask(&place.device, &[challenge(8)]).await).contains("not drawn"));
    assert!(refused(ask(&place.device, &[open(&[(0, 0)])]).await).contains("begins"));
    let outside = ask(&place.device, &[challenge(7), open(&[(3, 0)])]).await;
    assert!(refused(outside).contains("outside"));
    let many = ask(&place.device, &[challenge(7), open(&[(0, 0); 65])]).await;
    assert!(refused(many).contains("at most 64"));
    let short = Ask::Challenge { audit: 7, seed: "05".into() };
    assert!(refused(ask(&place.device, &[short]).await).contains("64 hex digits"));
    place.world.chain.set_away(true);
    let answer = ask(&place.device, &[challenge(7)]).await;
    assert!(matches!(answer, Answer::Error(error) if error.code == ErrorCode::ChainUnreachable));
}
