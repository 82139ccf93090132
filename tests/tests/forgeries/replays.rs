//! One answer passed off as an answer to something else; and one answer in other bytes.

use ark_bn254::Bn254;
use ark_groth16::Groth16;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cohortium_keys::Proof;
use cohortium_protocol::bundle::Bundle;
use cohortium_protocol::documents::Nonce;
use cohortium_protocol::policy::{Cell, Policy, QueryCap};
use cohortium_protocol::query::{Query, Source};
use cohortium_prover::pipeline::prepare;
use cohortium_tests::usual_policy;
use cohortium_verifier::{Step, verify_release};

use crate::common::{key_12, rich};
use crate::secrets::Secrets;
use crate::{Forged, edit_epoch, edit_manifest, other_key, points_12, refused, verdict};

/// A replay of the answer as one to something else: what becomes something else, and how a board that has not
/// been told so refuses it (nothing: the board cannot know).
pub(crate) struct Replay {
    pub(crate) what: &'static str,
    pub(crate) change: fn(&mut Forged),
    untold: Option<(Step, &'static str)>,
}

pub(crate) const REPLAYS: &[Replay] = &[
    Replay { what: "another request for the same query", change: |f| f.bundle.request.sequence = 2, untold: None },
    Replay {
        what: "a request with another nonce",
        change: |f| f.bundle.request.sponsor_nonce = Nonce::from_bytes([1; 32]),
        untold: None,
    },
    Replay { what: "a request to fewer sites", change: |f| drop(f.bundle.request.sites.pop()), untold: None },
    Replay {
        what: "a request whose other site has another epoch",
        change: |f| f.bundle.request.sites[1].epoch = f.bundle.epoch.digest(),
        untold: None,
    },
    Replay {
        what: "a query of another name",
        change: |f| f.bundle.request.query.title.push('!'),
        // The board named the plan for exact sums, and this is another plan.
        untold: Some((Step::Policy, "the sum of squares is released only to the digit")),
    },
    Replay {
        what: "a query with one other bound",
        change: |f| {
            let text = serde_json::to_string(&f.bundle.request.query).unwrap();
            assert!(text.contains("450"));
            f.bundle.request.query = Query::parse(&text.replace("450", "449")).unwrap();
        },
        untold: Some((Step::Policy, "the sum of squares is released only to the digit")),
    },
    Replay {
        what: "another table version with the same points",
        change: |f| edit_manifest(&mut f.bundle, |manifest| manifest.version = 2),
        untold: Some((Step::Registration, "the bundle's manifest is")),
    },
    Replay {
        what: "a table of another number of rows with the same points",
        change: |f| {
            edit_manifest(&mut f.bundle, |manifest| manifest.declared_rows -= 1);
            edit_epoch(&mut f.bundle, |epoch| epoch.declared_rows -= 1);
        },
        untold: Some((Step::Registration, "the bundle's manifest is")),
    },
    Replay {
        what: "another epoch with the same points",
        change: |f| edit_epoch(&mut f.bundle, |epoch| epoch.number = 2),
        untold: Some((Step::Registration, "the bundle's consent epoch is")),
    },
    Replay {
        what: "another site that registered the same points",
        change: |f| {
            f.bundle.site = "east".to_owned();
            edit_manifest(&mut f.bundle, |manifest| manifest.site = "east".to_owned());
            edit_epoch(&mut f.bundle, |epoch| epoch.site = "east".to_owned());
        },
        untold: Some((Step::Anchors, "your anchors do not name the site \"east\"")),
    },
    Replay {
        what: "an approval that ends later",
        change: |f| f.bundle.approval.expires = "2031-12-31".parse().unwrap(),
        untold: Some((Step::Anchors, "is not among those in force in your anchors")),
    },
    Replay {
        what: "an approval with another reference of the board",
        change: |f| f.bundle.approval.ethics_reference.push('b'),
        untold: Some((Step::Anchors, "is not among those in force in your anchors")),
    },
    Replay {
        what: "an approval with another query cap",
        change: |f| {
            let cap = QueryCap { per_approval: Some(3), per_column: None };
            f.bundle.approval.policy = f.bundle.approval.policy.clone().with_query_cap(cap);
        },
        untold: Some((Step::Anchors, "is not among those in force in your anchors")),
    },
    Replay {
        what: "a floor without a query cap",
        change: |f| f.bundle.policy_floor = usual_policy(),
        untold: Some((Step::Registration, "the bundle's policy floor is")),
    },
    Replay {
        what: "a floor that shows no zeros",
        change: |f| {
            let floor = &f.bundle.policy_floor;
            let (cap, sums) = (floor.query_cap(), floor.sums());
            f.bundle.policy_floor =
                Policy::new(floor.min_cell(), floor.rounding(), false, sums).unwrap().with_query_cap(cap);
        },
        untold: Some((Step::Registration, "the bundle's policy floor is")),
    },
    Replay {
        what: "another ledger",
        change: |f| f.bundle.request.ledger = "ledger-7".to_owned(),
        untold: Some((Step::Anchors, "the request is of ledger \"ledger-7\"")),
    },
    Replay {
        what: "another key of the shape",
        change: |f| {
            let key = other_key();
            f.bundle.request.sites[0].verifying_key = key.id();
            f.anchors.verifying_keys.push(key.to_document());
        },
        untold: Some((Step::Anchors, "which is not among your anchors")),
    },
];

#[test]
fn an_answer_is_an_answer_to_nothing_else() {
    let rich = rich();
    let secrets = Secrets::of(rich);
    for (opened, secret) in rich.bundle.proof.multiplicities.iter().zip(&secrets.multiplicities) {
        assert_eq!(opened.commitment, secret.commit(), "the forger has the hospital's secrets");
    }
    // The forger's openings are as good as the hospital's.
    let mut again = rich.bundle.clone();
    secrets.reopen(&mut again, &rich.north);
    assert!(again != rich.bundle);
    verdict(&again, &rich.anchors).unwrap();

    for Replay { what, change, untold } in REPLAYS {
        let mut forged = Forged { bundle: rich.bundle.clone(), anchors: rich.anchors.clone() };
        change(&mut forged);
        forged.agree();
        // Another plan has to be named anew.
        let mut unnamed = Forged { bundle: forged.bundle.clone(), anchors: forged.anchors.clone() };
        if forged.name_the_plan() {
            unnamed.agree();
            let (step, text) = refused(&unnamed.bundle, &unnamed.anchors);
            assert!(untold.is_some_and(|(at, says)| step == at && text.contains(says)), "{what}: {step:?}: {text}");
        } else if let Some((at, says)) = untold {
            let (step, text) = refused(&forged.bundle, &rich.anchors);
            assert!(step == *at && text.contains(says), "{what}: {step:?}: {text}");
        }
        // A board that has been told all of it finds the openings to be for something else ...
        let (step, text) = refused(&forged.bundle, &forged.anchors);
        assert!(step == Step::Openings && text.contains("was not made for this request"), "{what}: {step:?}: {text}");
        // ... and when these are made anew, the proof.
        secrets.reopen(&mut forged.bundle, &rich.north);
        let (step, text) = refused(&forged.bundle, &forged.anchors);
        assert!(step == Step::Proof && text.contains("the proof is not valid"), "{what}: {step:?}: {text}");
    }
}

/// One site's documents, another site's proof.
#[test]
fn another_sites_proof_does_not_fit() {
    let rich = rich();
    let mut forged = Forged { bundle: rich.bundle.clone(), anchors: rich.anchors.clone() };
    forged.bundle.site = "south".to_owned();
    (forged.bundle.manifest, forged.bundle.epoch) = (rich.south.manifest.clone(), rich.south.epoch.clone());
    // A group of the larger table is more than all rows of the smaller.
    let (step, text) = refused(&forged.bundle, &forged.anchors);
    assert!(step == Step::Release && text.contains("the table has 60 rows"), "{text}");
    for cells in &mut forged.bundle.proof.cells {
        if let Cell::Value(count) = &mut cells.count {
            *count = (*count).min(60);
        }
    }
    let (step, text) = refused(&forged.bundle, &forged.anchors);
    assert!(step == Step::Commitments && text.contains("the commitment given for column"), "{text}");
    // Its points fit, but then its values do not.
    for opened in &mut forged.bundle.proof.columns {
        let list = match opened.column.source {
            Source::Manifest => &rich.south.manifest_columns,
            Source::Epoch => &rich.south.epoch_columns,
            Source::Query => continue,
        };
        opened.commitment = list.iter().find(|held| held.name == opened.column.name).unwrap().commitment.clone();
    }
    assert_eq!(refused(&forged.bundle, &forged.anchors).0, Step::Openings);
}

/// Two honest answers to one request have nothing in common but what is registered and released, and no part of
/// one fits the other.
#[test]
fn parts_of_two_answers_do_not_mix() {
    let rich = rich();
    let site = rich.north.site();
    let prepared = prepare(&rich.request, &rich.approval, &site).unwrap();
    let other = prepared.prove(key_12(), &rich.anchors(), &mut rand::rngs::OsRng, &mut |_, _| ()).unwrap();
    let (a, b) = (&rich.bundle.proof, &other.proof);
    assert_eq!(a.cells, b.cells);
    assert_ne!(a.groth16, b.groth16);
    assert_ne!(a.challenges, b.challenges);
    assert_ne!(a.column_opening, b.column_opening);
    for (x, y) in a.columns.iter().zip(&b.columns).chain(a.multiplicities.iter().zip(&b.multiplicities)) {
        // Of multiplicities the column is named by its lookup's output, which is of the query, too.
        assert_eq!(x.commitment == y.commitment, x.column.source != Source::Query, "{}", x.column);
        assert_ne!(x.value, y.value, "{}", x.column);
    }
    // Trap 21: what the budget is charged with is what is opened.
    let charged = prepared.planned().opened_columns();
    let opened = a.columns.iter().map(|opened| &opened.column).filter(|column| column.source != Source::Query);
    assert!(charged.iter().eq(opened));

    let mix = |change: fn(&mut Bundle, &Bundle)| {
        let mut bundle = rich.bundle.clone();
        change(&mut bundle, &other);
        refused(&bundle, &rich.anchors).0
    };
    assert_eq!(mix(|x, y| x.proof.groth16.clone_from(&y.proof.groth16)), Step::Proof);
    assert_eq!(mix(|x, y| x.proof.challenges = y.proof.challenges.clone()), Step::Openings);
    assert_eq!(mix(|x, y| x.proof.challenges.mu = y.proof.challenges.mu), Step::Proof);
    assert_eq!(mix(|x, y| x.proof.challenges.table_point = y.proof.challenges.table_point.clone()), Step::Proof);
    assert_eq!(mix(|x, y| x.proof.column_opening = y.proof.column_opening.clone()), Step::Openings);
    assert_eq!(mix(|x, y| x.proof.multiplicity_opening = y.proof.multiplicity_opening.clone()), Step::Openings);
    assert_eq!(mix(|x, y| x.proof.columns = y.proof.columns.clone()), Step::Openings);
    assert_eq!(mix(|x, y| x.proof.multiplicities = y.proof.multiplicities.clone()), Step::Openings);
    let all_but_groth16 = |x: &mut Bundle, y: &Bundle| {
        let groth16 = x.proof.groth16.clone();
        x.proof = y.proof.clone();
        x.proof.groth16 = groth16;
    };
    assert_eq!(mix(all_but_groth16), Step::Proof);
}

/// Whoever has a proof can make others of the same statement, without a secret: no record may know an answer by
/// the bytes of its proof or its file. What the answer says is the same in all of them.
#[test]
fn a_proof_in_other_bytes_is_the_same_answer() {
    let rich = rich();
    let proof = Proof::decode(&STANDARD.decode(&rich.bundle.proof.groth16).unwrap()).unwrap();
    let good = verify_release(&rich.bundle, &rich.anchors()).unwrap();
    let file = serde_json::to_vec(&rich.bundle).unwrap();
    let mut seen = vec![file.clone()];
    for _ in 0..3 {
        let again = Groth16::<Bn254>::rerandomize_proof(&points_12(), proof.inner(), &mut rand::rngs::OsRng);
        assert!(again.a != proof.inner().a && again.b != proof.inner().b && again.c != proof.inner().c);
        let mut bundle = rich.bundle.clone();
        bundle.proof.groth16 = Proof::new(again).to_base64();
        let bytes = serde_json::to_vec(&bundle).unwrap();
        assert!(bytes.len() == file.len() && !seen.contains(&bytes), "another file");
        let release = verify_release(&Bundle::parse(&bytes).unwrap(), &rich.anchors()).unwrap();
        assert_eq!((release.site(), release.request()), (good.site(), good.request()));
        assert_eq!((release.cells(), release.plan()), (good.cells(), good.plan()));
        assert_eq!((release.manifest(), release.epoch()), (good.manifest(), good.epoch()));
        assert_eq!((release.key(), release.params()), (good.key(), good.params()));
        seen.push(bytes);
    }
    // With another key's points the same steps give no proof.
    let mut other = points_12();
    other.delta_g2 = (other.delta_g2 + other.delta_g2).into();
    let again = Groth16::<Bn254>::rerandomize_proof(&other, proof.inner(), &mut rand::rngs::OsRng);
    let mut bundle = rich.bundle.clone();
    bundle.proof.groth16 = Proof::new(again).to_base64();
    assert_eq!(refused(&bundle, &rich.anchors).0, Step::Proof);
}
