//! A hospital that lies, with its own program; and numbers that no honest one writes.

use cohortium_protocol::commit::{SecretColumn, ShapeRef};
use cohortium_protocol::policy::{Cell, Policy, Sums};
use cohortium_protocol::shape::Shape;
use cohortium_prover::pipeline::{PipelineError, RegisteredSecret, Site, prepare};
use cohortium_tests::{Hospital, seeded, usual_policy};
use cohortium_verifier::Step;

use crate::common::{Asked, key_12, query};
use crate::refused;

/// Where the words of one trap are all about sums: what the circuit accepts as 0, the verifier does not.
#[test]
fn a_restrained_sum_is_never_shown_as_nothing() {
    let hospital = Hospital::synthetic("north", 500, 21, usual_policy());
    // Seldom more than a few: most groups' sums are below half the base, 16 times 500.
    let query = query(r#""group_by": [{"column": "icd"}, {"column": "smoker"}], "measures": {"sum": "crp"}"#);
    let asked = Asked::new(&query, &hospital, key_12(), usual_policy(), false);
    let bundle = asked.answer(key_12()).unwrap();
    let hidden: Vec<usize> = (0..bundle.proof.cells.len())
        .filter(|&group| {
            let cells = bundle.proof.cells[group];
            // So many that their sum could be shown.
            matches!(cells.count, Cell::Value(20..)) && cells.sums[0] == Some(Cell::Suppressed)
        })
        .collect();
    assert!(hidden.len() > 2, "{hidden:?}");
    for (shown, step, says) in [
        (Cell::Value(0), Step::Release, "shows the sum 0, a sum that rounds to less than 8000 is suppressed"),
        (Cell::Value(4000), Step::Release, "these sums are multiples of 8000"),
        (Cell::Value(8000), Step::Proof, "the proof is not valid"),
        (Cell::Zero, Step::Release, "a sum is zero where its count is, and nowhere else"),
        (Cell::Value(8000 << 41), Step::Release, "sums are below 2^53"),
    ] {
        let mut forged = bundle.clone();
        forged.proof.cells[hidden[1]].sums[0] = Some(shown);
        let (at, text) = refused(&forged, &asked.anchors);
        assert!(at == step && text.contains(says), "{shown}: {at:?}: {text}");
    }
    let mut forged = bundle.clone();
    forged.proof.cells[hidden[0]].count = Cell::Value(600);
    let (at, text) = refused(&forged, &asked.anchors);
    assert!(at == Step::Release && text.contains("shows the count 600, the table has 500 rows"), "{text}");
    let mut forged = bundle;
    forged.proof.cells[hidden[0]].sums[1] = Some(Cell::Suppressed);
    let (at, text) = refused(&forged, &asked.anchors);
    assert!(at == Step::Release && text.contains("a sum, which was not asked for"), "{text}");
}

/// The hospital's own pipeline with something else put in: it stops, and if it does not, the audit does.
#[test]
fn a_dishonest_site_gets_no_bundle() {
    let hospital = Hospital::synthetic("north", 300, 31, usual_policy());
    let query = query(r#""where": {"column": "age", "between": [50, null]}, "group_by": [{"column": "sex"}]"#);
    let asked = Asked::new(&query, &hospital, key_12(), usual_policy(), true);
    let prove = |site: &Site<'_>, asked: &Asked<'_>| {
        let prepared = prepare(&asked.request, &asked.approval, site)?;
        prepared.prove(key_12(), &asked.anchors(), &mut rand::rngs::OsRng, &mut |_, _| ()).map(|_| ())
    };
    prove(&hospital.site(), &asked).unwrap();
    let at_openings = |result: Result<(), PipelineError>| match result {
        Err(PipelineError::SelfCheck(error)) => assert_eq!(error.step, Step::Openings, "{error}"),
        other => panic!("{other:?}"),
    };
    let recommit = |held: &RegisteredSecret, data: Vec<u16>| {
        let secret = SecretColumn::query_time(*held.secret.layout(), data, &mut seeded(3)).unwrap();
        RegisteredSecret { name: held.name.clone(), secret, commitment: held.commitment.clone() }
    };
    let again = |list: &[RegisteredSecret]| -> Vec<RegisteredSecret> {
        let data = |held: &RegisteredSecret| {
            (0..held.secret.layout().data_rows()).map(|row| held.secret.data().get(row) as u16).collect::<Vec<u16>>()
        };
        list.iter().map(|held| recommit(held, data(held))).collect()
    };

    // Trap 6: consent flags in another order than the rows', or for chosen rows only.
    let flags = hospital.consents.columns()[0].1.clone();
    let rotated: Vec<u16> = flags.iter().cycle().skip(1).take(flags.len()).copied().collect();
    let chosen: Vec<u16> = flags.iter().enumerate().map(|(row, flag)| if row % 3 == 0 { 0 } else { *flag }).collect();
    let everybody = vec![1; flags.len()];
    for other in [rotated, chosen, everybody] {
        assert_ne!(other, flags);
        let name = hospital.consents.columns()[0].0.clone();
        let consents = cohortium_protocol::table::ConsentTable::new(vec![(name, other.clone())]).unwrap();
        // In the computation alone: the committed column says otherwise.
        let result = prove(&Site { consents: &consents, ..hospital.site() }, &asked);
        assert!(matches!(result, Err(PipelineError::Unsatisfied)), "{result:?}");
        // In the proof too: then it does not open the registered points.
        let epoch_columns = [recommit(&hospital.epoch_columns[0], other)];
        at_openings(prove(&Site { consents: &consents, epoch_columns: &epoch_columns, ..hospital.site() }, &asked));
    }

    // Another table than the committed one.
    let other = Hospital::synthetic("north", 300, 32, usual_policy());
    let result = prove(&Site { table: &other.table, ..hospital.site() }, &asked);
    assert!(matches!(result, Err(PipelineError::Unsatisfied)), "{result:?}");
    let columns = again(&other.manifest_columns);
    let columns: Vec<RegisteredSecret> = columns
        .into_iter()
        .zip(&hospital.manifest_columns)
        .map(|(made, held)| RegisteredSecret { commitment: held.commitment.clone(), ..made })
        .collect();
    at_openings(prove(&Site { table: &other.table, manifest_columns: &columns, ..hospital.site() }, &asked));
    // The same data under fresh blinding is not the registered column either.
    at_openings(prove(&Site { manifest_columns: &again(&hospital.manifest_columns), ..hospital.site() }, &asked));

    // A flag that is none, which trap 24's zero check refuses.
    let mut columns = again(&hospital.manifest_columns);
    let sex: Vec<u16> =
        hospital.table.columns()[1].iter().enumerate().map(|(row, x)| if row == 7 { 2 } else { *x }).collect();
    columns[1] = recommit(&hospital.manifest_columns[1], sex);
    let result = prove(&Site { manifest_columns: &columns, ..hospital.site() }, &asked);
    assert!(matches!(result, Err(PipelineError::Unsatisfied)), "{result:?}");

    // A column that the site does not hold.
    let result = prove(&Site { epoch_columns: &[], ..hospital.site() }, &asked);
    let Err(PipelineError::Missing { column }) = result else { panic!("{result:?}") };
    assert_eq!(column, "epoch:DUO:0000042/academic");

    // A laxer floor than the registered one; and one that the request pins, but the board does not know.
    let lax = Policy::new(1, 1, true, Sums::ExactForNamedPlans).unwrap();
    let site = Site { floor: &lax, ..hospital.site() };
    let error = prove(&site, &asked).unwrap_err().to_string();
    assert!(error.starts_with("the request pins the policy floor"), "{error}");
    let mut lax_request = Asked::new(&query, &hospital, key_12(), usual_policy(), true);
    lax_request.request.sites[0].policy_floor = lax.digest();
    let error = prove(&site, &lax_request).unwrap_err().to_string();
    assert!(
        error.starts_with(
            "the finished bundle does not pass the audit, so it is not released: the bundle's policy floor"
        ),
        "{error}"
    );

    // Traps 9 and 22: a version, an epoch, a plan, a shape, a key other than the pinned one.
    let pin = |change: fn(&mut Asked<'_>)| {
        let mut asked = Asked::new(&query, &hospital, key_12(), usual_policy(), true);
        change(&mut asked);
        prove(&hospital.site(), &asked).unwrap_err().to_string()
    };
    for (error, says) in [
        (pin(|a| a.request.sites[0].manifest = a.request.plan), "the request pins the manifest"),
        (pin(|a| a.request.sites[0].epoch = a.request.plan), "the request pins the consent epoch"),
        (pin(|a| a.request.plan = a.request.schema), "the request pins the plan"),
        (pin(|a| a.request.schema = a.request.plan), "the request pins the schema"),
        (pin(|a| a.request.approval = a.request.plan), "the request pins the approval"),
        (pin(|a| a.request.sites[0].shape = ShapeRef::to(&Shape::QUERY_16)), "the request pins the shape"),
        (pin(|a| a.request.sites[0].verifying_key = a.request.plan), "the request names the verifying key"),
        (pin(|a| a.request.sites[0].site = "south".to_owned()), "the request does not ask the site \"north\""),
        (pin(|a| a.approval.study = "S-2".to_owned()), "the request pins the approval"),
        (pin(|a| a.anchors.sites.clear()), "your anchors do not name the site \"north\""),
        (pin(|a| a.anchors.verifying_keys.clear()), "which is not among your anchors"),
    ] {
        assert!(error.contains(says), "{error}");
    }
}
