//! Receipts, acknowledgements and evidence as files: bounded, of one format, every part of weight.

use serde_json::{Value, json};

use super::*;
use crate::bundle::ColumnAtPoint;
use crate::commit::{
    ConsentEpoch, DatasetManifest, EpochDocument, EventRecord, FoldedColumns, Layout, ManifestDocument,
    RegisteredColumn, SecretColumn, ShapeRef,
};
use crate::hash::Digest;
use crate::ledger::{Batch, batch_tree, events_root};
use crate::query::ColumnId;
use crate::shape::Shape;
use crate::table::TAG_LIMBS;

const ROWS: usize = 20;
const LEAVES: u32 = 8;

fn committed(name: &str, value: u16) -> (SecretColumn, RegisteredColumn) {
    let layout = Layout::column(&Shape::QUERY_12, ROWS).unwrap();
    let secret = SecretColumn::query_time(layout, vec![value; ROWS], &mut StdRng::seed_from_u64(1)).unwrap();
    let commitment = secret.commit().digest();
    (secret, RegisteredColumn { name: name.to_owned(), commitment })
}

fn manifest(columns: Vec<RegisteredColumn>) -> DatasetManifest {
    let document = ManifestDocument {
        format: "cohortium-manifest/1".to_owned(),
        site: SITE.to_owned(),
        table: "synthetic".to_owned(),
        version: 1,
        schema: Digest::of_bytes(b"schema"),
        shape: ShapeRef::to(&Shape::QUERY_12),
        declared_rows: ROWS as u64,
        created: "2026-01-31".to_owned(),
        vintage: "2026-01-15".to_owned(),
        columns,
    };
    document.check(&Shape::STANDARD).unwrap()
}

fn epoch(manifest: &DatasetManifest, column: RegisteredColumn, batch: &Batch) -> ConsentEpoch {
    let document = EpochDocument {
        format: "cohortium-epoch/1".to_owned(),
        site: SITE.to_owned(),
        table: "synthetic".to_owned(),
        number: 1,
        manifest: manifest.digest(),
        shape: ShapeRef::to(&Shape::QUERY_12),
        declared_rows: ROWS as u64,
        created: "2026-02-01".to_owned(),
        record: Some(EventRecord { cutoff: 1, events: events_root([batch]), until: day("2026-03-01") }),
        columns: vec![column],
    };
    document.check(&Shape::STANDARD).unwrap()
}

/// An event at a leaf of a batch.
fn posted() -> (Event, Posted, Batch) {
    let event = content(1, "2026-01-20", grant(GENERAL)).by_clerk("form 1").unwrap();
    let dummy = |i: u32| if i == 5 { event.leaf() } else { Digest::of_bytes(&i.to_be_bytes()) };
    let tree = batch_tree((0..LEAVES).map(dummy));
    let batch = Batch { number: 1, leaves: LEAVES, root: tree.root() };
    let posted = Posted { batch: 1, leaf: 5, path: tree.inclusion(5, LEAVES.into()).unwrap() };
    (event, posted, batch)
}

/// A receipt with everything that one may hold.
fn receipt() -> Receipt {
    let (event, posted, batch) = posted();
    let tags: Vec<_> = (0..TAG_LIMBS).map(|limb| committed(&format!("tag.{limb}"), tag().limbs()[limb])).collect();
    let age = committed("age", 50).1;
    let manifest = manifest([age].into_iter().chain(tags.iter().map(|(_, column)| column.clone())).collect());
    let (flags, column) = committed("DUO:0000042/academic", 1);
    let epoch = epoch(&manifest, column, &batch);
    let row = 3;
    let ids = (0..TAG_LIMBS).map(ColumnId::tag).chain([ColumnId::epoch("DUO:0000042/academic")]);
    let secrets: Vec<&SecretColumn> = tags.iter().map(|(secret, _)| secret).chain([&flags]).collect();
    let commitments: Vec<_> = secrets.iter().map(|secret| secret.commit()).collect();
    let point = Receipt::point(row, manifest.layout().grid().variables());
    let folded = FoldedColumns::new(&secrets, &point).unwrap();
    let context = Receipt::context(&manifest, &epoch, row);
    let rng = &mut StdRng::seed_from_u64(2);
    let opening = folded.prove(&context, &commitments.iter().collect::<Vec<_>>(), rng).unwrap();
    let columns = ids.zip(&commitments).zip(folded.values());
    let columns =
        columns.map(|((column, point), value)| ColumnAtPoint { column, commitment: point.clone(), value: *value });
    let (request, proof) = (Digest::of_bytes(b"request"), Digest::of_bytes(b"proof"));
    let receipt = Receipt {
        format: RECEIPT_FORMAT.to_owned(),
        columns: columns.collect(),
        counted: Some(Counted { request, proof, value: folded.values()[8], opening: opening.clone() }),
        manifest,
        epoch,
        row,
        opening,
        card: Some(patient().public()),
        batches: vec![batch],
        events: vec![PostedEvent { event, posted }],
        registered: None,
        signed: None,
    };
    receipt.sign("coast/00", day("2026-02-03"), &key(9))
}

fn slip() -> Acknowledgement {
    let (event, posted, _) = posted();
    Acknowledgement::sign("coast/00", event, day("2026-01-21"), Some(posted), &key(9))
}

fn evidence() -> ViolationFile {
    let format = VIOLATION_FORMAT.to_owned();
    ViolationFile { format, tag: tag(), receipt: receipt(), acknowledged: vec![slip()] }
}

#[test]
fn files_are_read_as_they_were_written() {
    let (receipt, slip, evidence) = (receipt(), slip(), evidence());
    let (bytes, more) = (serde_json::to_vec(&receipt).unwrap(), serde_json::to_vec_pretty(&slip).unwrap());
    assert!(Receipt::parse(&bytes).unwrap() == receipt && Acknowledgement::parse(&more).unwrap() == slip);
    assert!(ViolationFile::parse(&serde_json::to_vec(&evidence).unwrap()).unwrap() == evidence);
    // One for the other, and another version, is called by its name.
    let format = |error: ReceiptFormError| match error {
        ReceiptFormError::Format { found, expected } => (found, expected),
        error => panic!("{error}"),
    };
    let error = format(Receipt::parse(&more).unwrap_err());
    assert_eq!(error, ("cohortium-acknowledgement/1".to_owned(), RECEIPT_FORMAT));
    assert_eq!(format(Acknowledgement::parse(&bytes).unwrap_err()).1, ACKNOWLEDGEMENT_FORMAT);
    assert_eq!(format(ViolationFile::parse(&bytes).unwrap_err()).1, VIOLATION_FORMAT);
    let later = json!({ "format": format!("cohortium-receipt/2{}", "x".repeat(500)), "more": 1 }).to_string();
    assert_eq!(format(Receipt::parse(later.as_bytes()).unwrap_err()).0.chars().count(), 80);
}

#[test]
fn files_are_bounded() {
    let large = vec![b' '; MAX_RECEIPT_BYTES + 1];
    assert_eq!(Receipt::parse(&large).err(), Some(ReceiptFormError::Size { found: large.len() }));
    assert_eq!(Acknowledgement::parse(&large).err(), Some(ReceiptFormError::Size { found: large.len() }));
    assert_eq!(ViolationFile::parse(&large).err(), Some(ReceiptFormError::Size { found: large.len() }));
    let whole = serde_json::to_value(receipt()).unwrap();
    for (list, most) in [("columns", 4096), ("events", 10_000), ("batches", 100_000)] {
        let mut many = whole.clone();
        let entry = many[list][0].clone();
        many[list] = Value::Array(vec![entry; most + 1]);
        let error = Receipt::parse(many.to_string().as_bytes()).err().unwrap().to_string();
        assert!(error.contains(&format!("the list has more than {most} entries")), "{list}: {error}");
    }
    let mut long = whole;
    long["events"][0]["posted"]["path"] = Value::Array(vec![json!(Digest::of_bytes(b"")); 200]);
    assert!(Receipt::parse(long.to_string().as_bytes()).is_err());
}

/// Every leaf of a document in JSON, by its path.
fn leaves(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, one)| leaves(one, &format!("{path}/{name}"), found)),
        Value::Array(list) => list.iter().enumerate().for_each(|(i, one)| leaves(one, &format!("{path}/{i}"), found)),
        _ => found.push(path.to_owned()),
    }
}

fn mutated(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_u64().unwrap() + 1),
        Value::String(text) => {
            let (last, rest) = (text.chars().last().unwrap(), &text[..text.len() - 1]);
            json!(format!("{rest}{}", if last == '1' { '2' } else { '1' }))
        }
        other => panic!("{other}"),
    }
}

/// A changed part is another document, or none: nothing that is read is passed over.
#[test]
fn every_part_counts() {
    let (receipt, slip) = (receipt(), slip());
    let whole = serde_json::to_value(&receipt).unwrap();
    let mut paths = Vec::new();
    leaves(&whole, "", &mut paths);
    // Of the points of nine columns, one each.
    paths.retain(|path| !path.contains("/commitment/") || path.ends_with("/0"));
    assert!(paths.len() > 60, "{paths:?}");
    for path in &paths {
        let mut changed = whole.clone();
        let place = changed.pointer_mut(path).unwrap();
        *place = mutated(place);
        if let Ok(read) = Receipt::parse(changed.to_string().as_bytes()) {
            assert!(read != receipt, "{path}");
        }
    }
    let whole = serde_json::to_value(&slip).unwrap();
    let mut paths = Vec::new();
    leaves(&whole, "", &mut paths);
    for path in &paths {
        let mut changed = whole.clone();
        let place = changed.pointer_mut(path).unwrap();
        *place = mutated(place);
        let Ok(read) = Acknowledgement::parse(changed.to_string().as_bytes()) else { continue };
        // Where it was posted is for the batches to show; all else is signed.
        let is_place = path.starts_with("/posted/");
        assert_eq!(read.check(&public(9)).is_ok(), is_place, "{path}");
        assert!(read != slip, "{path}");
    }
    // And what is not known is refused.
    for path in
        ["", "/manifest", "/epoch", "/events/0", "/events/0/posted", "/counted", "/columns/0", "/batches/0", "/signed"]
    {
        let mut more = serde_json::to_value(&receipt).unwrap();
        more.pointer_mut(path).unwrap()["more"] = json!(1);
        let error = Receipt::parse(more.to_string().as_bytes()).err().unwrap().to_string();
        assert!(error.contains("unknown field `more`"), "{path}: {error}");
    }
}

/// Whatever is cut off or flipped, it is an error in words, and no panic.
#[test]
fn half_a_file_is_none() {
    let bytes = serde_json::to_vec(&receipt()).unwrap();
    for length in (0..bytes.len()).step_by(997) {
        assert!(Receipt::parse(&bytes[..length]).is_err());
    }
    for place in (0..bytes.len()).step_by(499) {
        let mut changed = bytes.clone();
        changed[place] ^= 0x80;
        assert!(Receipt::parse(&changed).is_err(), "{place}: no byte of it is beyond ASCII");
    }
}

/// Every event, its place and the row are signed.
#[test]
fn a_receipt_is_signed_by_the_site() {
    let receipt = receipt();
    let good = |receipt: &Receipt| receipt.check_signature("coast/00", &public(9)).unwrap().is_ok();
    assert!(good(&receipt));
    assert!(receipt.check_signature("coast/00", &public(8)).unwrap().is_err());
    assert!(receipt.check_signature("coast/01", &public(9)).unwrap().is_err());
    assert!(Receipt { signed: None, ..receipt.clone() }.check_signature("coast/00", &public(9)).is_none());
    let changes: [fn(&mut Receipt); 6] = [
        |receipt| receipt.events.clear(),
        |receipt| receipt.events.push(receipt.events[0].clone()),
        |receipt| receipt.events[0].posted.leaf += 1,
        |receipt| receipt.row += 1,
        |receipt| receipt.card = None,
        |receipt| receipt.signed.as_mut().unwrap().issued = day("2026-02-04"),
    ];
    for (place, change) in changes.into_iter().enumerate() {
        let mut changed = receipt.clone();
        change(&mut changed);
        assert!(!good(&changed), "{place}");
    }
}

#[test]
fn an_acknowledgement_is_signed_by_the_site() {
    let slip = slip();
    slip.check(&public(9)).unwrap();
    assert!(slip.check(&public(8)).is_err());
    let (other, posted, _) = posted();
    // Without its place it is the same word.
    let early = Acknowledgement { posted: None, ..slip.clone() };
    early.check(&public(9)).unwrap();
    assert!(Acknowledgement { ledger: "coast/01".to_owned(), ..slip.clone() }.check(&public(9)).is_err());
    assert!(Acknowledgement { taken: day("2026-01-22"), ..slip.clone() }.check(&public(9)).is_err());
    let salted =
        Content::new(SITE, tag(), 1, day("2026-01-20"), grant(GENERAL), Salt::draw(&mut StdRng::seed_from_u64(7)));
    let salted = salted.unwrap().by_clerk("form 1").unwrap();
    assert!(salted != other && Acknowledgement { event: salted, ..slip }.check(&public(9)).is_err());
    assert_eq!(posted.batch, 1);
}

#[test]
fn an_event_is_where_it_is_shown_to_be() {
    let (event, posted, batch) = posted();
    posted.check(&event, &[batch]).unwrap();
    let no_batch = |batch| Posted { batch, ..posted.clone() }.check(&event, &[self::posted().2]).unwrap_err();
    for number in [0, 2, u32::MAX] {
        assert_eq!(no_batch(number), PostedError::NoBatch { batch: number, batches: 1 });
        assert!(no_batch(number).to_string().contains("and 1 are listed"));
    }
    let other = content(1, "2026-01-20", refuse(GENERAL)).by_clerk("form 1").unwrap();
    let moved = Posted { leaf: 6, ..posted.clone() };
    let short = Posted { path: posted.path[1..].to_vec(), ..posted.clone() };
    let beyond = Posted { leaf: LEAVES, ..posted.clone() };
    let smaller = Batch { leaves: 4, ..batch };
    for (place, event, batch) in [
        (&posted, &other, batch),
        (&moved, &event, batch),
        (&short, &event, batch),
        (&beyond, &event, batch),
        (&posted, &event, smaller),
    ] {
        assert!(matches!(place.check(event, &[batch]), Err(PostedError::Path { batch: 1, .. })));
    }
}

#[test]
fn a_point_is_a_rows_bits_and_contexts_differ() {
    let bits = Receipt::point(0b1101, 6).iter().map(|bit| *bit == crate::field::F::from(1u64)).collect::<Vec<_>>();
    assert_eq!(bits, [true, false, true, true, false, false]);
    let receipt = receipt();
    let (manifest, epoch) = (&receipt.manifest, &receipt.epoch);
    let digests = (&manifest.digest(), &epoch.digest());
    let (one, two) = (Digest::of_bytes(b"1"), Digest::of_bytes(b"2"));
    let contexts = [
        Receipt::context(manifest, epoch, 3),
        Receipt::context(manifest, epoch, 4),
        Receipt::counted_context(digests, 3, &one, &two),
        Receipt::counted_context(digests, 3, &two, &one),
        Receipt::counted_context(digests, 4, &one, &two),
        Receipt::counted_context((digests.1, digests.0), 3, &one, &two),
    ];
    assert_eq!(contexts.iter().collect::<std::collections::BTreeSet<_>>().len(), contexts.len());
}

#[test]
fn nothing_of_it_is_printed() {
    let (receipt, slip, evidence) = (receipt(), slip(), evidence());
    for text in [format!("{receipt:?}"), format!("{slip:?}"), format!("{evidence:?}"), format!("{:?}", receipt.events)]
    {
        assert!(text.contains("(secret)") && !text.contains("DUO") && !text.contains(&tag().to_hex()), "{text}");
    }
}
