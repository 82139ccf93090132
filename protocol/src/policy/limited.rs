//! Limits of policies, and the presets.

use super::*;
use crate::documents::{Laplace, Noise};
use crate::hash::Digest;
use crate::query::fixtures::{compiled, query, schema};
use crate::shape::Shape;

const PLAIN: &str =
    r#"{"format": "cohortium-policy/1", "min_cell": 8, "rounding": 5, "show_zeros": false, "sums": "restrained"}"#;

/// The plain policy with a further field.
fn with(field: &str) -> String {
    PLAIN.replace(r#""sums""#, &format!(r#"{field}, "sums""#))
}

fn read(field: &str) -> Policy {
    Policy::parse(&with(field)).unwrap()
}

fn both(floor: &Policy, approval: &Policy) -> Policy {
    let policy = effective(Some(floor), Some(approval)).unwrap();
    assert_eq!(policy, effective(Some(approval), Some(floor)).unwrap());
    policy.policy().clone()
}

#[test]
fn a_policy_without_limits_has_the_digest_that_it_had_before_there_were_any() {
    let digest = "bad8eb880d1e1a9800db06e1f9b7b1cdeaacbd8af7db258eb6a89b49d2bff9a2";
    assert_eq!(Policy::parse(PLAIN).unwrap().digest().to_string(), digest);
    assert_eq!(read(r#""quota": {}"#).digest().to_string(), digest);
}

#[test]
fn limits_are_read_written_and_hashed_each_by_itself() {
    let fields = [
        r#""min_sites": {"sites": 3, "when": "pooled"}"#,
        r#""min_sites": {"sites": 3, "when": "always"}"#,
        r#""min_sites": {"sites": 4, "when": "pooled"}"#,
        r#""max_levels": 40"#,
        r#""max_levels": 41"#,
        r#""quota": {"rates": [{"queries": 3, "seconds": 60}]}"#,
        r#""quota": {"rates": [{"queries": 60, "seconds": 3}]}"#,
        r#""quota": {"rates": [{"queries": 3, "seconds": 60}, {"queries": 50, "seconds": 604800}]}"#,
        r#""quota": {"repeats": {"queries": 3, "seconds": 60}}"#,
        r#""quota": {"rates": [{"queries": 3, "seconds": 60}], "repeats": {"queries": 3, "seconds": 60}}"#,
    ];
    let mut digests = vec![Policy::parse(PLAIN).unwrap().digest()];
    for field in fields {
        let policy = read(field);
        let again = Policy::parse(&serde_json::to_string(&policy).unwrap()).unwrap();
        assert_eq!((&again, again.digest()), (&policy, policy.digest()));
        digests.push(policy.digest());
    }
    digests.sort();
    digests.dedup();
    assert_eq!(digests.len(), fields.len() + 1);
    // The order in which rates are written makes no other policy.
    let [here, there] = ["[{A}, {B}]", "[{B}, {A}]"].map(|rates| {
        let rates =
            rates.replace("{A}", r#"{"queries": 3, "seconds": 60}"#).replace("{B}", r#"{"queries": 9, "seconds": 70}"#);
        read(&format!(r#""quota": {{"rates": {rates}}}"#))
    });
    assert_eq!((here.digest(), &here), (there.digest(), &there));
}

#[test]
fn limits_that_mean_nothing_are_refused() {
    let rates = vec![r#"{"queries": 1, "seconds": 1}"#; 17].join(", ");
    for (field, sentence) in [
        (r#""min_sites": {"sites": 1, "when": "pooled"}"#, "min_sites is refused: 1 sites; it must be from 2 to 256"),
        (r#""min_sites": {"sites": 257, "when": "always"}"#, "257 sites; it must be from 2 to 256"),
        (r#""min_sites": {"sites": 3}"#, "missing field `when`"),
        (r#""min_sites": {"sites": 3, "when": "never"}"#, "expected `pooled` or `always`"),
        (r#""max_levels": 0"#, "max_levels is refused: 0 groups along a grouping; it must be at least 1"),
        (
            r#""quota": {"repeats": {"queries": 0, "seconds": 9}}"#,
            "quota is refused: 0 queries in 9 seconds; it must be",
        ),
        (r#""quota": {"repeats": {"queries": 9, "seconds": 0}}"#, "9 queries in 0 seconds"),
        (r#""quota": {"repeats": {"queries": 9, "seconds": 316224001}}"#, "at least 1 in 1 to 316224000 seconds"),
        (
            r#""quota": {"rates": [{"queries": 1, "seconds": 9}, {"queries": 2, "seconds": 9}]}"#,
            "two rates about 9 seconds",
        ),
        (&format!(r#""quota": {{"rates": [{rates}]}}"#), "17 rates; at most 16 are held"),
        (r#""quota": {"rate": []}"#, "unknown field `rate`"),
    ] {
        let error = Policy::parse(&with(field)).unwrap_err().to_string();
        assert!(error.contains(sentence), "{error}");
    }
}

#[test]
fn the_stricter_of_each_limit() {
    let sites = |sites, when| read(&format!(r#""min_sites": {{"sites": {sites}, "when": "{when}"}}"#));
    let plain = Policy::parse(PLAIN).unwrap();
    let found = |a: &Policy, b: &Policy| both(a, b).limits().min_sites.map(|least| (least.sites, least.when.name()));
    assert_eq!(found(&plain, &plain), None);
    assert_eq!(found(&plain, &sites(3, "pooled")), Some((3, "pooled")));
    assert_eq!(found(&sites(5, "pooled"), &sites(3, "pooled")), Some((5, "pooled")));
    assert_eq!(found(&sites(5, "pooled"), &sites(3, "always")), Some((5, "always")));
    let levels = |levels| read(&format!(r#""max_levels": {levels}"#));
    assert_eq!(both(&levels(40), &levels(30)).limits().max_levels, Some(30));
    assert_eq!(both(&levels(40), &plain).limits().max_levels, Some(40));
    let rate = |queries, seconds| Rate { queries, seconds };
    let quota = |rates: &[Rate], repeats| {
        let limits = Limits { quota: Quota { rates: rates.to_vec(), repeats }, ..Limits::default() };
        plain.clone().with_limits(limits).unwrap()
    };
    let floor = quota(&[rate(50, 604_800), rate(3, 60)], Some(rate(7, 100)));
    let approval = quota(&[rate(2, 60), rate(100, 86_400)], Some(rate(9, 200)));
    let expected =
        Quota { rates: vec![rate(2, 60), rate(100, 86_400), rate(50, 604_800)], repeats: Some(rate(7, 200)) };
    assert_eq!(both(&floor, &approval).limits().quota, expected);
    assert_eq!(both(&floor, &plain).limits(), floor.limits());
    // More rates together than a policy holds.
    let many = |from: u64| quota(&(0..9).map(|more| rate(1, from + more)).collect::<Vec<_>>(), None);
    let error = effective(Some(&many(1)), Some(&many(100))).unwrap_err().to_string();
    assert_eq!(error, "the policy's quota is refused: 18 rates; at most 16 are held");
}

#[test]
fn plans_that_group_too_finely_and_requests_of_too_few_sites() {
    let plan = compiled(&query(r#""group_by": [{"column": "grade"}, {"column": "hormon"}]"#)).unwrap();
    let levels = |levels| read(&format!(r#""max_levels": {levels}"#));
    let params = |policy: &Policy| {
        effective(Some(policy), Some(policy)).unwrap().release_params(&plan, &schema(), false).map(drop)
    };
    assert_eq!(params(&levels(3)), Ok(()));
    let error = params(&levels(2)).unwrap_err();
    assert_eq!(error, PolicyError::Levels { column: "grade".into(), found: 3, most: 2 });
    assert_eq!(
        error.to_string(),
        "the grouping by grade has 3 groups, and the policy allows 2 along one grouping: ask for fewer, wider ones"
    );
    // With noise too.
    let (epsilon, sponsor_commitment) = ("count=0.1".parse().unwrap(), Digest::of_bytes(b"a nonce"));
    let noise = Noise::Laplace(Laplace { epsilon, sponsor_commitment });
    let allowed = r#""noise": "allowed", "epsilon": {"per_query": "1", "per_study": "1", "per_dataset": "1"}"#;
    let noised = |levels: u32| {
        let policy = read(&format!(r#""max_levels": {levels}, {allowed}"#));
        effective(Some(&policy), Some(&policy))
            .unwrap()
            .rule(&plan, &schema(), false, (&noise, &Shape::NOISE_12))
            .map(drop)
    };
    assert_eq!(noised(3), Ok(()));
    assert_eq!(noised(2), Err(PolicyError::Levels { column: "grade".into(), found: 3, most: 2 }));
    for (when, two) in [("pooled", true), ("always", false)] {
        let policy = read(&format!(r#""min_sites": {{"sites": 3, "when": "{when}"}}"#));
        let policy = effective(Some(&policy), Some(&policy)).unwrap();
        assert_eq!(policy.check_sites(3), Ok(()));
        assert_eq!(policy.check_sites(2).is_ok(), two);
    }
    assert_eq!(
        PolicyError::Sites { found: 2, least: 3 }.to_string(),
        "the query asks 2 sites, and the policy allows queries to 3 sites or more only: name more of them"
    );
}

#[test]
fn times_are_told_in_the_largest_unit_that_fits() {
    for (seconds, words) in [
        (1, "1 second"),
        (59, "59 seconds"),
        (60, "1 minute"),
        (90, "90 seconds"),
        (7200, "2 hours"),
        (86_400, "1 day"),
        (604_800, "7 days"),
        (86_460, "1441 minutes"),
    ] {
        assert_eq!(time(seconds), words);
    }
}

#[test]
fn presets_pass_or_say_that_they_are_widened() {
    for preset in PRESETS {
        let policy = preset.policy().unwrap();
        assert!(policy.min_cell() >= preset.min_cell);
        assert!(!policy.show_zeros() && policy.sums() == Sums::Restrained);
        assert_eq!(Preset::by_name(preset.name), Some(preset));
        assert!(preset.differs.ends_with('.'), "{}", preset.name);
    }
    assert_eq!(PRESETS[0].name, DEFAULT_PRESET);
    assert_eq!(
        Preset::by_name("strict").unwrap().policy().unwrap().describe(),
        "smallest cell 8, counts rounded to 5, empty groups suppressed like small ones, sums restrained, numbers added up \
         only over 3 sites or more (by whoever adds, not proved), questions a sliver apart from earlier ones only if the \
         board names them (counted, not proved)"
    );
    assert_eq!(
        Preset::by_name("hdruk").unwrap().describe(),
        "hdruk (HDR UK): smallest cell 15, counts rounded to 10; widened from 10, which is no lower edge of rounding to 10"
    );
    assert_eq!(Preset::by_name("hdr-uk"), Preset::by_name("hdruk"));
    assert_eq!(
        Preset::by_name("opensafely").unwrap().describe(),
        "opensafely (OpenSAFELY): smallest cell 8, counts rounded to 5"
    );
    assert_eq!(
        Preset::by_name("mii").unwrap().describe(),
        "mii (Medical Informatics Initiative, Germany): smallest cell 20, counts exact, at least 3 sites in every query, at \
         most 3 queries of a study in 1 minute, at most 50 queries of a study in 7 days (by the ledger's rules, not proved)"
    );
    assert_eq!(Preset::by_name("none"), None);
}

/// Where the table begins and ends in the book.
const MARKS: [&str; 2] = ["<!-- presets: made from the code, do not edit -->\n", "<!-- presets: end -->\n"];

/// `COHORTIUM_WRITE_DOCS=1 cargo test -p cohortium-protocol the_books_table` writes it anew.
#[test]
fn the_books_table_of_presets_is_the_codes() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/src/formats/documents.md");
    let page = std::fs::read_to_string(path).unwrap();
    let (before, rest) = page.split_once(MARKS[0]).expect("the page has the mark before the table");
    let (table, after) = rest.split_once(MARKS[1]).expect("the page has the mark after the table");
    let made = format!("\n{}\n", Preset::table());
    if std::env::var_os("COHORTIUM_WRITE_DOCS").is_some_and(|value| value == "1") {
        let page = [before, MARKS[0], &made, MARKS[1], after].concat();
        std::fs::write(path, page).unwrap();
        return;
    }
    assert_eq!(table, made, "COHORTIUM_WRITE_DOCS=1 writes it anew");
}
