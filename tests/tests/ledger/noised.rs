//! An answer under noise, from the question to the audit, with real proofs.

use std::sync::OnceLock;

use cohortium_protocol::bundle::{Bundle, NoiseOnLedger};
use cohortium_protocol::documents::{Approval, Noise, Nonce, Request};
use cohortium_protocol::field::F;
use cohortium_protocol::policy::{Cell, GroupCells, NoiseRule};
use cohortium_prover::pipeline::{NoiseSource, PipelineError, Site, prepare};
use cohortium_tests::exchange::{Chain, DAY, Exchange, at, question};
use cohortium_tests::noised::{limits, noised_policy, seed};
use cohortium_verifier::ledger::{Replay, audit_study};
use cohortium_verifier::{Anchors, Known, Step, Verdict, audit, verify_release};

use crate::world::noise_exchange;

/// A ledger on which north has answered under noise, and the bundle of its answer.
struct Answered {
    x: &'static Exchange<'static>,
    chain: Chain<'static>,
    approval: Approval,
    request: Request,
    bundle: Bundle,
}

fn answered() -> &'static Answered {
    static ANSWERED: OnceLock<Answered> = OnceLock::new();
    ANSWERED.get_or_init(|| {
        let x = noise_exchange();
        let mut chain = Chain::new(x);
        chain.add(at(0), x.registrations());
        let policy = noised_policy(limits("2", "6", "10"));
        chain.add(at(10), ["north", "south"].map(|site| x.floor(site, 2, &policy)).into());
        let approval = x.with_nonces(&Approval { policy, ..x.approval() }, 4);
        chain.add(at(60), vec![x.study(&approval)]);
        let (request, bundle) = ask(&mut chain, &approval, DAY);
        Answered { x, chain, approval, request, bundle }
    })
}

/// Asks both sites, lets north answer, and gives the bundle with its evidence.
fn ask(chain: &mut Chain<'static>, approval: &Approval, from: u64) -> (Request, Bundle) {
    let x = chain.exchange;
    let fields = r#""group_by": [{"column": "sex"}], "measures": {"count": true, "sum": "crp"}"#;
    let query = question("Inflammation by sex, with noise", fields);
    let request = x.noised(&chain.state, &query, approval, &["north", "south"], "count=0.5,sum=0.5");
    chain.add(at(from), vec![x.ask(&request)]);
    chain.add(at(from + 60), vec![x.accept("north", &request), x.decline("south", &request, "a small site")]);
    chain.add(at(from + 120), vec![x.sponsor_opens(&request)]);
    chain.add(at(from + 180), vec![x.board_opens(&request, approval)]);
    let proof = x.prove_noised(&chain.state, "north", &request, approval);
    chain.add(at(from + 240), vec![x.release("north", &request, &proof)]);
    let mut bundle = chain.state.bundle("north", &request.digest(), &proof).unwrap();
    bundle.ledger = Some(chain.evidence("north", &request));
    (request, bundle)
}

/// What a board believes that trusts the charter.
fn anchors() -> Anchors {
    Anchors::check(answered().x.anchors_document()).unwrap()
}

fn numbers(cells: &[GroupCells]) -> Vec<i64> {
    let all = cells.iter().flat_map(|cells| std::iter::once(Some(cells.count)).chain(cells.sums));
    all.flatten().map(|cell| if let Cell::Noised(value) = cell { value } else { panic!("{cell}") }).collect()
}

#[test]
fn an_answer_under_noise_is_verified_and_is_not_the_exact_one() {
    let Answered { x, chain, approval, request, bundle } = answered();
    let release = verify_release(bundle, &anchors()).unwrap();
    let params = release.rule().noised().unwrap();
    assert_eq!((params.price(), params.groups()), (1_000_000, 2));
    assert_eq!(params.laws()[1].as_ref().unwrap().sensitivity(), 500, "as the schema bounds it");
    // To the digit, as no policy releases it here.
    let registered = x.north.site();
    let plain = Request { noise: Noise::None, ..request.clone() };
    let inputs =
        cohortium_protocol::query::Inputs::new(registered.schema, registered.table, registered.consents).unwrap();
    let plan = x.north.plan(&plain.query);
    let columns = plan.query_columns(&inputs).unwrap();
    let exact = plan.aggregates(&inputs, &columns).unwrap();
    let exact: Vec<i64> = exact.groups().iter().take(2).flat_map(|group| [group.n as i64, group.s as i64]).collect();
    let noised = numbers(release.cells());
    assert_eq!(noised.len(), exact.len());
    // Both sums differ but with a chance of one in two million; counts are rounded.
    assert!(noised[1] != exact[1] && noised[3] != exact[3], "{noised:?} and {exact:?}");
    let far = |place: usize, law: usize| {
        let reach = params.laws()[law].as_ref().unwrap().reach(1_000_000_000) as i64;
        (noised[place] - exact[place]).abs() <= reach + 5
    };
    assert!(far(0, 0) && far(1, 1) && far(2, 0) && far(3, 1), "{noised:?} and {exact:?}");

    let report = audit(bundle, b"the bundle", &anchors(), &Known::default());
    let noise = report.guarantees.iter().find(|guarantee| guarantee.id == "G6").unwrap();
    assert_eq!(noise.verdict, Verdict::Holds, "{}", noise.reason);
    assert!(noise.reason.contains("delta is at most"), "{}", noise.reason);
    // The whole ledger again, from its export.
    let mut replay = Replay::new(x.found());
    for block in &chain.blocks {
        replay.add(block).unwrap();
    }
    let replayed = replay.finish().unwrap();
    assert_eq!(replayed.state().digest(), chain.state.digest());
    let study = audit_study(&replayed, &approval.study, &anchors(), None).unwrap();
    assert_eq!(study.verdict, Verdict::Holds, "{study}");
}

/// Proving again gives the same noise, with other masks; another query of the same content gets another.
#[test]
fn noise_is_one_for_a_query_and_another_for_another() {
    let Answered { x, chain, approval, request, bundle } = answered();
    let again = x.prove_noised(&chain.state, "north", request, approval);
    assert_eq!(again.cells, bundle.proof.cells);
    assert_ne!(again.groth16, bundle.proof.groth16);
    let mut chain = Chain { exchange: x, state: chain.state.clone(), blocks: chain.blocks.clone() };
    let (second, other) = ask(&mut chain, approval, 2 * DAY);
    verify_release(&other, &anchors()).unwrap();
    assert_ne!(second.digest(), request.digest());
    assert_ne!(numbers(&other.proof.cells), numbers(&bundle.proof.cells));
    assert_eq!(chain.state.epsilon("north", "synthetic").unwrap().spent, 2_000_000);
}

/// Before anything is proved: no other seed, tree, nonce, and no noise where none was asked for.
#[test]
fn a_hospital_cannot_draw_from_anything_else() {
    let Answered { x, chain, approval, request, .. } = answered();
    let refused = |request: &Request, change: &dyn Fn(&mut NoiseSource)| {
        let mut source = x.noise_source(&chain.state, "north", request);
        change(&mut source);
        let hospital = x.hospital("north");
        let floor = &chain.state.sites()["north"].floor.as_ref().unwrap().document.policy;
        let registered = Site { floor, ..hospital.site() };
        prepare(request, approval, &registered, Some(source)).err().map(|error| error.to_string())
    };
    assert_eq!(refused(request, &|_| ()), None);
    let says = |change: &dyn Fn(&mut NoiseSource), sentence: &str| {
        let found = refused(request, change).unwrap();
        assert!(found.contains(sentence), "{found}");
    };
    says(&|source| *source.seed = seed("north", 1, 7), "the seed is not shown to be leaf 0 of the 256");
    says(&|source| source.path.truncate(2), "the seed is not shown to be leaf 0");
    says(&|source| source.on_ledger.seeds = 128, "the seed is not shown to be leaf 0 of the 128");
    says(
        &|source| source.on_ledger.sponsor_nonce = Nonce::from_bytes([4; 32]),
        "not the one that the request commits to",
    );
    says(&|source| source.on_ledger.board_nonce = Nonce::from_bytes([4; 32]), "the one that the approval commits to");
    let hospital = x.hospital("north");
    let floor = &chain.state.sites()["north"].floor.as_ref().unwrap().document.policy;
    let registered = Site { floor, ..hospital.site() };
    assert!(matches!(prepare(request, approval, &registered, None), Err(PipelineError::NoBeacon)));
}

/// Everything about the noise that a bundle says, changed alone.
#[test]
fn a_bundle_with_other_noise_is_refused() {
    let Answered { bundle, .. } = answered();
    type Case = (&'static str, fn(&mut Bundle), Step, &'static str);
    fn on_ledger(bundle: &mut Bundle) -> &mut NoiseOnLedger {
        bundle.noise.as_mut().unwrap()
    }
    fn evidence(bundle: &mut Bundle) -> &mut cohortium_protocol::ledger::NoiseEvidence {
        bundle.ledger.as_mut().unwrap().noise.as_mut().unwrap()
    }
    let cases: [Case; 18] = [
        ("noise added afterwards", |b| moved(b, 0, 5), Step::Ledger, "signature"),
        ("no noise on the ledger", |b| b.noise = None, Step::Ledger, "do not agree about noise"),
        ("no evidence of it", |b| b.ledger.as_mut().unwrap().noise = None, Step::Ledger, "do not agree about noise"),
        ("another tree", |b| evidence(b).seeds_number = 2, Step::Ledger, "tree of seeds"),
        ("another size of the tree", |b| on_ledger(b).seeds = 255, Step::Ledger, "tree of seeds"),
        (
            "another sponsor's nonce",
            |b| on_ledger(b).sponsor_nonce = Nonce::from_bytes([1; 32]),
            Step::Ledger,
            "sponsor's nonce",
        ),
        (
            "another board's nonce",
            |b| on_ledger(b).board_nonce = Nonce::from_bytes([1; 32]),
            Step::Ledger,
            "board's nonce",
        ),
        (
            "the nonces exchanged",
            |b| {
                let noise = on_ledger(b);
                std::mem::swap(&mut noise.sponsor_nonce, &mut noise.board_nonce);
            },
            Step::Ledger,
            "sponsor's nonce",
        ),
        (
            "the board before the sponsor",
            |b| {
                let evidence = evidence(b);
                std::mem::swap(&mut evidence.sponsor_nonce, &mut evidence.board_nonce);
            },
            Step::Ledger,
            "signed by",
        ),
        (
            "another path of the board's",
            |b| on_ledger(b).board_path.truncate(1),
            Step::Noise,
            "that the approval commits to",
        ),
        (
            "another seed",
            |b| b.proof.seed.as_mut().unwrap().commitment += F::from(1u64),
            Step::Ledger,
            "not shown to be on the ledger",
        ),
        ("no seed", |b| b.proof.seed = None, Step::Ledger, "not shown to be on the ledger"),
        (
            "without a ledger, noise added afterwards",
            |b| {
                unledgered(b);
                moved(b, 0, 5)
            },
            Step::Proof,
            "the proof is not valid",
        ),
        (
            "without a ledger, a sum moved by 1",
            |b| {
                unledgered(b);
                moved(b, 1, 1)
            },
            Step::Proof,
            "the proof is not valid",
        ),
        (
            "without a ledger, another seed",
            |b| {
                unledgered(b);
                b.proof.seed.as_mut().unwrap().commitment += F::from(1u64)
            },
            Step::Noise,
            "not shown to be leaf 0",
        ),
        (
            "without a ledger, no seed",
            |b| {
                unledgered(b);
                b.proof.seed = None
            },
            Step::Noise,
            "and the proof has none",
        ),
        (
            "without a ledger, an exact count",
            |b| {
                unledgered(b);
                b.proof.cells[0].count = Cell::Value(150)
            },
            Step::Release,
            "noised or suppressed",
        ),
        (
            "without a ledger, a count between",
            |b| {
                unledgered(b);
                moved(b, 0, 1)
            },
            Step::Release,
            "multiples of 5",
        ),
    ];
    let with_charter = anchors();
    for (what, change, step, sentence) in cases {
        let mut forged = bundle.clone();
        change(&mut forged);
        let anchors = match forged.ledger {
            Some(_) => &with_charter,
            None => &without_charter(&forged),
        };
        let error = verify_release(&forged, anchors).err().unwrap_or_else(|| panic!("{what} is accepted"));
        assert_eq!(error.step, step, "{what}: {error}");
        assert!(error.to_string().contains(sentence), "{what}: {error}");
    }
    // As it is, it holds without the ledger too; but nothing then says when the nonces were opened.
    let mut alone = bundle.clone();
    unledgered(&mut alone);
    let anchors = without_charter(&alone);
    verify_release(&alone, &anchors).unwrap();
    let report = audit(&alone, b"the bundle", &anchors, &Known::default());
    let noise = report.guarantees.iter().find(|guarantee| guarantee.id == "G6").unwrap();
    assert_eq!(noise.verdict, Verdict::NotCovered, "{}", noise.reason);
}

/// Moves a number of the first group: 0 is the count, 1 the sum.
fn moved(bundle: &mut Bundle, number: usize, by: i64) {
    let cells = &mut bundle.proof.cells[0];
    let cell = if number == 0 { &mut cells.count } else { cells.sums[number - 1].as_mut().unwrap() };
    let Cell::Noised(value) = cell else { panic!("shown") };
    *value += by;
}

fn unledgered(bundle: &mut Bundle) {
    bundle.ledger = None;
}

/// What somebody believes who has the documents from elsewhere, and no charter.
fn without_charter(bundle: &Bundle) -> Anchors {
    let Answered { x, approval, .. } = answered();
    let site = cohortium_verifier::SiteAnchor { policy_floor: bundle.policy_floor.digest(), ..x.north.anchor() };
    Anchors::check(cohortium_verifier::AnchorsDocument {
        sites: vec![site],
        approvals: vec![approval.digest()],
        charter: None,
        ..x.anchors_document()
    })
    .unwrap()
}

/// A policy that does not allow noise, or requires it, is one of the bundle too.
#[test]
fn the_policies_in_the_bundle_decide_about_noise() {
    let Answered { bundle, x, .. } = answered();
    let mut forged = bundle.clone();
    unledgered(&mut forged);
    forged.policy_floor = forged.policy_floor.clone().with_noise(NoiseRule::Off, Default::default());
    for pin in &mut forged.request.sites {
        if pin.site == "north" {
            pin.policy_floor = forged.policy_floor.digest();
        }
    }
    let error = verify_release(&forged, &without_charter(&forged)).unwrap_err();
    assert!(error.step == Step::Policy && error.to_string().contains("nothing with noise"), "{error}");
    assert_eq!(x.north.name(), "north");
}
