//! Documents that contradict each other.

use cohortium_protocol::commit::ShapeRef;
use cohortium_protocol::policy::{Limits, MinSites, Policy, SitesWhen, Sums};
use cohortium_protocol::shape::Shape;
use cohortium_verifier::Step;

use crate::common::rich;
use crate::{Forged, edit_epoch, edit_manifest, key_of_shape_16, refused};

/// What is contradicted, how, and where and how it is refused.
pub(crate) type Case = (&'static str, fn(&mut Forged), Step, &'static str);

/// Documents that contradict each other, with everything else made to agree.
pub(crate) const CASES: &[Case] = &[
    (
        "trap 9: pinned one table version, answered over another",
        |f| {
            let pinned = f.bundle.manifest.digest();
            edit_manifest(&mut f.bundle, |manifest| manifest.version = 2);
            f.agree();
            f.bundle.request.sites[0].manifest = pinned;
        },
        Step::Registration,
        "the request pins the manifest",
    ),
    (
        "trap 9: pinned one epoch, answered over another",
        |f| {
            let pinned = f.bundle.epoch.digest();
            edit_epoch(&mut f.bundle, |epoch| epoch.number = 2);
            f.agree();
            f.bundle.request.sites[0].epoch = pinned;
        },
        Step::Registration,
        "the request pins the consent epoch",
    ),
    (
        "an epoch over another manifest",
        |f| {
            let other = f.bundle.epoch.digest();
            edit_epoch(&mut f.bundle, |epoch| epoch.manifest = other);
            f.agree();
        },
        Step::Registration,
        "the epoch's manifest digest is",
    ),
    (
        "an epoch of another site",
        |f| {
            edit_epoch(&mut f.bundle, |epoch| epoch.site = "south".to_owned());
            f.agree();
        },
        Step::Registration,
        "the epoch's site says \"south\", but the bundle says \"north\"",
    ),
    (
        "a manifest of another site",
        |f| {
            edit_manifest(&mut f.bundle, |manifest| manifest.site = "south".to_owned());
            f.agree();
        },
        Step::Registration,
        "the manifest's site says \"south\", but the bundle says \"north\"",
    ),
    (
        "an epoch of another table",
        |f| {
            edit_epoch(&mut f.bundle, |epoch| epoch.table = "lungs".to_owned());
            f.agree();
        },
        Step::Registration,
        "the epoch's table is lungs",
    ),
    (
        "an epoch of fewer rows",
        |f| {
            edit_epoch(&mut f.bundle, |epoch| epoch.declared_rows -= 1);
            f.agree();
        },
        Step::Registration,
        "the epoch's number of rows is 699",
    ),
    (
        "a schema that means something else by a code",
        |f| {
            let text = serde_json::to_string(&f.bundle.schema).unwrap();
            f.bundle.schema = serde_json::from_str(&text.replace("C50", "C51")).unwrap();
            f.agree();
        },
        Step::Registration,
        "the manifest is over schema",
    ),
    (
        "a manifest named after another table than its schema",
        |f| {
            edit_manifest(&mut f.bundle, |manifest| manifest.table = "lungs".to_owned());
            edit_epoch(&mut f.bundle, |epoch| epoch.table = "lungs".to_owned());
            f.agree();
        },
        Step::Registration,
        "the manifest's table says \"lungs\"",
    ),
    (
        "a manifest whose columns are exchanged",
        |f| {
            edit_manifest(&mut f.bundle, |manifest| manifest.columns.swap(1, 2));
            f.agree();
        },
        Step::Registration,
        "column 1 of the manifest is \"smoker\", the schema's is \"sex\"",
    ),
    (
        "a manifest with the points of two columns exchanged",
        |f| {
            edit_manifest(&mut f.bundle, |manifest| {
                let age = manifest.columns[0].commitment;
                manifest.columns[0].commitment = manifest.columns[6].commitment;
                manifest.columns[6].commitment = age;
            });
            f.agree();
        },
        Step::Commitments,
        "the commitment given for column \"age\" has the digest",
    ),
    (
        "trap 6: an epoch with the flags of another purpose",
        |f| {
            edit_epoch(&mut f.bundle, |epoch| {
                let other = epoch.columns[0].commitment;
                epoch.columns[1].commitment = other;
            });
            f.agree();
        },
        Step::Commitments,
        "the commitment given for column \"DUO:0000042/academic\" has the digest",
    ),
    (
        "an epoch that has no flags for the purpose",
        |f| {
            edit_epoch(&mut f.bundle, |epoch| drop(epoch.columns.pop()));
            f.agree();
        },
        Step::Commitments,
        "the document lists no column \"DUO:0000042/academic\"",
    ),
    (
        "a larger shape than the table's",
        |f| {
            f.agree();
            f.bundle.request.sites[0].shape = ShapeRef::to(&Shape::QUERY_16);
        },
        Step::Registration,
        "the manifest's shape says",
    ),
    (
        "a table registered under a larger shape",
        |f| {
            edit_manifest(&mut f.bundle, |manifest| manifest.shape = ShapeRef::to(&Shape::QUERY_16));
            edit_epoch(&mut f.bundle, |epoch| epoch.shape = ShapeRef::to(&Shape::QUERY_16));
            f.agree();
        },
        Step::Registration,
        "the manifest's shape says",
    ),
    (
        "a larger shape altogether, under the smaller's key",
        |f| {
            edit_manifest(&mut f.bundle, |manifest| manifest.shape = ShapeRef::to(&Shape::QUERY_16));
            edit_epoch(&mut f.bundle, |epoch| epoch.shape = ShapeRef::to(&Shape::QUERY_16));
            f.agree();
            f.bundle.request.sites[0].shape = ShapeRef::to(&Shape::QUERY_16);
        },
        Step::Registration,
        "the verifying key's shape says",
    ),
    (
        "a larger shape and its key, with the smaller's proof",
        |f| {
            edit_manifest(&mut f.bundle, |manifest| manifest.shape = ShapeRef::to(&Shape::QUERY_16));
            edit_epoch(&mut f.bundle, |epoch| epoch.shape = ShapeRef::to(&Shape::QUERY_16));
            f.agree();
            let key = key_of_shape_16();
            let pin = &mut f.bundle.request.sites[0];
            (pin.shape, pin.verifying_key) = (ShapeRef::to(&Shape::QUERY_16), key.id());
            f.anchors.verifying_keys.push(key.to_document());
        },
        Step::Commitments,
        "the column commitment has 16 points, the shape's layout has 64 matrix rows",
    ),
    (
        "the key of a larger shape",
        |f| {
            f.agree();
            let key = key_of_shape_16();
            f.bundle.request.sites[0].verifying_key = key.id();
            f.anchors.verifying_keys.push(key.to_document());
        },
        Step::Registration,
        "the verifying key's shape says",
    ),
    (
        "a plan that the query does not compile to",
        |f| {
            f.agree();
            f.bundle.request.plan = f.bundle.epoch.digest();
        },
        Step::Plan,
        "the request pins the plan",
    ),
    (
        "a query that the pinned plan is not of",
        |f| {
            let plan = f.bundle.request.plan;
            f.bundle.request.query.group_by.pop();
            f.agree();
            f.bundle.request.plan = plan;
        },
        Step::Plan,
        "the request pins the plan",
    ),
    (
        "asked under one approval, answered under another",
        |f| {
            f.agree();
            let pinned = f.bundle.request.approval;
            f.bundle.approval.sponsor.push('!');
            f.agree();
            f.bundle.request.approval = pinned;
        },
        Step::Plan,
        "the request pins the approval",
    ),
    (
        "an approval of another study",
        |f| {
            f.bundle.approval.study = "S-2".to_owned();
            f.agree();
        },
        Step::Plan,
        "clause \"study\": the approval is for study \"S-2\", the query belongs to \"S-1\"",
    ),
    (
        "an approval for other tables",
        |f| {
            f.bundle.approval.tables = vec!["lungs".to_owned()];
            f.agree();
        },
        Step::Plan,
        "clause \"tables\": table \"synthetic\" is not among those allowed: lungs",
    ),
    (
        "an approval that does not name the site",
        |f| {
            f.bundle.approval.sites = Some(vec!["south".to_owned()]);
            f.agree();
        },
        Step::Plan,
        "clause \"sites\": the site \"north\" is not among those allowed: south",
    ),
    (
        "an approval without one of the columns",
        |f| {
            f.bundle.approval.columns.as_mut().unwrap().retain(|column| column != "crp");
            f.agree();
        },
        Step::Plan,
        "clause \"columns\": the query uses \"crp\"",
    ),
    (
        "an approval for another purpose than the query's",
        |f| {
            f.bundle.approval.consent = "DUO:0000007/academic".parse().unwrap();
            f.agree();
        },
        Step::Plan,
        "the query does not compile over this schema",
    ),
    (
        "an approval for another class of sponsor",
        |f| {
            f.bundle.approval.consent = "DUO:0000042/commercial".parse().unwrap();
            f.agree();
        },
        Step::Plan,
        "the query does not compile over this schema",
    ),
    (
        "trap 13: an approval that does not name the plan: squares and products tell counts",
        |f| {
            f.bundle.approval.exact_plans.pop();
            f.agree();
        },
        Step::Policy,
        "the sum of squares is released only to the digit",
    ),
    (
        "an approval that releases no sums",
        |f| {
            f.bundle.approval.policy = Policy::new(8, 5, true, Sums::None).unwrap();
            f.agree();
        },
        Step::Policy,
        "the plan asks for sums, and the policy releases none",
    ),
    (
        "a floor without exact sums",
        |f| {
            f.bundle.policy_floor = Policy::new(8, 5, true, Sums::Restrained).unwrap();
            f.agree();
        },
        Step::Policy,
        "the sum of squares is released only to the digit",
    ),
    (
        "a stricter floor than the numbers obey",
        |f| {
            f.bundle.policy_floor = Policy::new(8, 15, true, Sums::ExactForNamedPlans).unwrap();
            f.agree();
        },
        Step::Release,
        "counts are multiples of 15",
    ),
    (
        "a stricter approval than the numbers obey",
        |f| {
            f.bundle.approval.policy = Policy::new(5, 10, true, Sums::ExactForNamedPlans).unwrap();
            f.agree();
        },
        Step::Release,
        "counts are multiples of 10",
    ),
    (
        "policies that cannot be kept together",
        |f| {
            f.bundle.policy_floor = Policy::new(506, 1011, true, Sums::ExactForNamedPlans).unwrap();
            f.agree();
        },
        Step::Policy,
        "counts rounded to 1011 (site) and to 5 (approval)",
    ),
    (
        "fewer sites than the floor wants in every query",
        |f| {
            let least = MinSites { sites: 3, when: SitesWhen::Always };
            limit(&mut f.bundle.policy_floor, Limits { min_sites: Some(least), ..Limits::default() });
            f.agree();
        },
        Step::Policy,
        "the query asks 2 sites, and the policy allows queries to 3 sites or more only",
    ),
    (
        "more groups than the approval allows along a grouping",
        |f| {
            limit(&mut f.bundle.approval.policy, Limits { max_levels: Some(1), ..Limits::default() });
            f.agree();
        },
        Step::Policy,
        "groups, and the policy allows 1 along one grouping",
    ),
    (
        "a site that was not asked",
        |f| {
            f.agree();
            f.bundle.request.sites.remove(0);
        },
        Step::Anchors,
        "the request does not ask the site \"north\"; it asks south",
    ),
    (
        "the answer of one site under another's name",
        |f| f.bundle.site = "south".to_owned(),
        Step::Registration,
        "the bundle's manifest is",
    ),
];

/// The same policy with limits.
fn limit(policy: &mut Policy, limits: Limits) {
    *policy = policy.clone().with_limits(limits).unwrap();
}

#[test]
fn contradictions_are_named() {
    let rich = rich();
    for (what, change, at, says) in CASES {
        let mut forged = Forged { bundle: rich.bundle.clone(), anchors: rich.anchors.clone() };
        change(&mut forged);
        let (step, text) = refused(&forged.bundle, &forged.anchors);
        assert!(step == *at && text.contains(says), "{what}: {step:?}: {text}");
    }
}
