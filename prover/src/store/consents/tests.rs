//! The register: what is posted first, what is damaged, what is secret.

use std::path::Path;

use cohortium_protocol::consent::{Choice, Conditions, Content, Salt};
use cohortium_protocol::ledger::verify_inclusion;
use cohortium_protocol::table::PatientSecret;
use rand::SeedableRng;
use rand::rngs::{OsRng, StdRng};
use tempfile::TempDir;

use super::super::Init;
use super::*;

const SITE: &str = "Site A";
const EVENTS: &str = "consents/events.jsonl";
const BATCH: &str = "consents/batches/batch-1";

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn card(patient: u8) -> PatientSecret {
    PatientSecret::from_card(&format!("{patient:064x}")).unwrap()
}

fn content(patient: u8, number: u32, what: What) -> Content {
    let salt = Salt::draw(&mut StdRng::seed_from_u64(u64::from(patient) * 100 + u64::from(number)));
    Content::new(SITE, card(patient).tag(SITE), number, day("2026-03-01"), what, salt).unwrap()
}

fn event(patient: u8, number: u32, what: What) -> Event {
    content(patient, number, what).by_clerk("form 1").unwrap()
}

fn yes() -> What {
    What::Choice(Choice::granted("DUO:0000042".parse().unwrap(), Conditions::default()).unwrap())
}

fn no() -> What {
    What::Choice(Choice::revoked("DUO:0000042".parse().unwrap()))
}

/// A home with a register.
struct Desk {
    folder: TempDir,
    home: Home,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let init = Init { site: SITE, approval_share: 100, floor: None };
        let home = Home::init(folder.path(), &init, &mut OsRng).unwrap();
        Self { folder, home }
    }

    /// With events of patients: each says yes, and those in `revoking` take it back.
    fn with(patients: u8, revoking: &[u8]) -> Self {
        let desk = Self::new();
        let yes = (0..patients).map(|patient| event(patient, 1, yes()));
        let events = yes.chain(revoking.iter().map(|patient| event(*patient, 2, no())));
        desk.open().take(events.collect(), day("2026-03-02"), &|_| None).unwrap();
        desk
    }

    fn open(&self) -> Register {
        Register::open(&self.home).unwrap()
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn edit(&self, name: &str, change: impl Fn(&str) -> String) {
        let text = std::fs::read_to_string(self.path(name)).unwrap();
        let changed = change(&text);
        assert_ne!(changed, text, "{name}");
        std::fs::write(self.path(name), changed).unwrap();
    }

    /// What is said of the register as it is now.
    fn refused(&self) -> String {
        match Register::open(&self.home) {
            Ok(_) => panic!("the register is read"),
            Err(error) => error.to_string(),
        }
    }
}

#[test]
fn everything_is_read_again_as_it_was() {
    let desk = Desk::with(5, &[3]);
    let mut register = desk.open();
    register.make_batch(8, &mut OsRng).unwrap();
    register.take(vec![event(0, 2, no())], day("2026-03-04"), &|_| None).unwrap();
    let read = desk.open();
    for register in [&register, &read] {
        assert_eq!((register.tags().count(), register.waiting(), register.left().len()), (5, 1, 0));
        assert_eq!(register.entered(&event(0, 1, yes())), Some(day("2026-03-02")));
        assert_eq!(register.entered(&event(0, 2, no())), Some(day("2026-03-04")));
        assert_eq!(register.entered(&event(9, 1, yes())), None);
        assert_eq!(register.place(&event(0, 2, no())).unwrap(), None);
        let tag = card(0).tag(SITE);
        assert_eq!(register.history(&tag).unwrap().events().len(), 2);
        assert_eq!(register.posted_history(&tag, 1).unwrap().unwrap().events().len(), 1);
        assert!(register.posted_history(&tag, 0).unwrap().is_none());
        assert!(register.posted_history(&card(9).tag(SITE), 1).unwrap().is_none());
    }
    assert_eq!(register.batches(), read.batches());
    // Each is a leaf of the batch that was made.
    let batch = read.batches()[0];
    let (posted, event) = (read.place(&event(3, 2, no())).unwrap().unwrap(), event(3, 2, no()));
    posted.check(&event, &[batch]).unwrap();
    let leaf = cohortium_protocol::ledger::leaf_hash(event.leaf().as_bytes());
    verify_inclusion(leaf, posted.leaf.into(), 8, &posted.path, batch.root).unwrap();
}

#[test]
fn revocations_are_posted_first_and_each_tags_events_in_their_order() {
    let desk = Desk::with(20, &[4, 17]);
    let mut register = desk.open();
    // Room for less than waits: both events of those who take back, and four others.
    register.make_batch(8, &mut OsRng).unwrap();
    for patient in [4, 17] {
        for one in [event(patient, 1, yes()), event(patient, 2, no())] {
            assert_eq!(register.place(&one).unwrap().unwrap().batch, 1);
        }
    }
    assert_eq!(register.waiting(), 22 - 8);
    register.make_batch(8, &mut OsRng).unwrap();
    register.make_batch(8, &mut OsRng).unwrap();
    assert_eq!(register.waiting(), 0);
    // With room for one, the yes goes before the no that takes it back: a number is never posted before the one before it.
    let desk = Desk::with(3, &[2]);
    let mut register = desk.open();
    register.make_batch(1, &mut OsRng).unwrap();
    assert_eq!(register.place(&event(2, 1, yes())).unwrap().unwrap().batch, 1);
    assert_eq!(register.place(&event(2, 2, no())).unwrap(), None);
    // Whoever leaves is first too.
    let desk = Desk::with(9, &[]);
    let mut register = desk.open();
    register.take(vec![event(8, 2, What::Leaving {})], day("2026-03-02"), &|_| None).unwrap();
    register.make_batch(2, &mut OsRng).unwrap();
    assert_eq!(register.place(&event(8, 2, What::Leaving {})).unwrap().unwrap().batch, 1);
    assert_eq!(register.left().into_iter().collect::<Vec<_>>(), [card(8).tag(SITE)]);
}

#[test]
fn a_batch_tells_neither_how_many_events_there_are_nor_where() {
    let mut places = BTreeSet::new();
    let mut roots = BTreeSet::new();
    for _ in 0..12 {
        let desk = Desk::with(1, &[]);
        let mut register = desk.open();
        let batch = register.make_batch(64, &mut OsRng).unwrap();
        places.insert(register.place(&event(0, 1, yes())).unwrap().unwrap().leaf);
        roots.insert(batch.root);
        assert_eq!(std::fs::metadata(desk.path(BATCH).join("leaves.bin")).unwrap().len(), 64 * 32);
    }
    // One place in twelve runs has a chance of less than 64^-11.
    assert!(places.len() > 1, "{places:?}");
    assert_eq!(roots.len(), 12);
    // Without any event it looks the same.
    let empty = Desk::new();
    assert_eq!(empty.open().make_batch(64, &mut OsRng).unwrap().leaves, 64);
    assert_eq!(std::fs::metadata(empty.path(BATCH).join("leaves.bin")).unwrap().len(), 64 * 32);
}

#[test]
fn what_does_not_go_on_changes_nothing() {
    let desk = Desk::with(2, &[]);
    let mut register = desk.open();
    let before = std::fs::read(desk.path(EVENTS)).unwrap();
    let mut refused = |events: Vec<Event>, sentence: &str| {
        let error = register.take(events, day("2026-03-02"), &|_| None).unwrap_err().to_string();
        assert!(error.contains(sentence), "{error}");
        assert_eq!(register.waiting(), 2);
        assert_eq!(std::fs::read(desk.path(EVENTS)).unwrap(), before);
    };
    // All of them or none.
    refused(vec![event(0, 2, no()), event(1, 3, no())], "the consent event number 3 is refused");
    refused(vec![event(0, 1, yes())], "the consent event number 1 is refused");
    refused(vec![event(0, 1, no())], "two different consent events number 1");
    let by_other = content(0, 2, no()).by_patient(&card(1).signing_key(SITE));
    refused(vec![by_other], "the consent event number 2 is refused");
}

#[test]
fn the_key_of_a_card_may_be_known_later_than_the_first_event() {
    let desk = Desk::with(1, &[]);
    let key = card(0).signing_key(SITE);
    let bind = || content(0, 2, What::Key { key: key.public() }).by_card(&key);
    let taken =
        |register: &mut Register, card: Option<PublicKey>| register.take(vec![bind()], day("2026-03-02"), &|_| card);
    assert!(taken(&mut desk.open(), None).is_err());
    taken(&mut desk.open(), Some(key.public())).unwrap();
    // Read again it is known, and posted histories have it too.
    let mut register = desk.open();
    register.take(vec![content(0, 3, no()).by_patient(&key)], day("2026-03-03"), &|_| None).unwrap();
    register.make_batch(8, &mut OsRng).unwrap();
    let history = desk.open().posted_history(&card(0).tag(SITE), 1).unwrap().unwrap();
    assert_eq!((history.events().len(), history.key()), (3, Some(&key.public())));
}

#[test]
fn damaged_files_are_named() {
    let made = |revoking: &[u8]| {
        let desk = Desk::with(4, revoking);
        desk.open().make_batch(16, &mut OsRng).unwrap();
        desk
    };
    let desk = made(&[]);
    desk.edit(EVENTS, |text| text.replacen("\"number\":1", "\"number\":2", 1));
    assert!(desk.refused().contains("events.jsonl is damaged: the consent event number 2"), "{}", desk.refused());
    let desk = made(&[]);
    desk.edit(EVENTS, |text| format!("{{}}\n{text}"));
    assert!(desk.refused().contains("events.jsonl is damaged: missing field"), "{}", desk.refused());
    // Half a line at the end never counted; here it was posted.
    let desk = made(&[]);
    desk.edit(EVENTS, |text| text[..text.len() - 9].to_owned());
    assert!(desk.refused().contains("batch-1 is damaged: an event number 1 is in it that"), "{}", desk.refused());

    let batch = format!("{BATCH}/batch.json");
    for (from, to, sentence) in [
        ("\"number\": 1,\n    \"leaves\"", "\"number\": 2,\n    \"leaves\"", "it says number 2"),
        ("cohortium-batch/1", "cohortium-batch/2", "cohortium-batch/2"),
        ("\"leaf\"", "\"leaves\"", "leaves"),
    ] {
        let desk = made(&[]);
        desk.edit(&batch, |text| text.replacen(from, to, 1));
        let refused = desk.refused();
        assert!(refused.contains("batch") && refused.contains(sentence), "{refused}");
    }
    // A tag that is none, and an event that is there twice.
    let desk = made(&[]);
    let tag = card(0).tag(SITE).to_hex();
    desk.edit(&batch, |text| text.replacen(&tag, &tag.to_uppercase(), 1));
    assert!(desk.refused().contains("batch-1 is damaged: a tag is 32"), "{}", desk.refused());
    let desk = made(&[]);
    desk.edit(&batch, |text| text.replacen(&card(1).tag(SITE).to_hex(), &tag, 1));
    assert!(desk.refused().contains("an event number 1 is in it that was posted before"), "{}", desk.refused());

    // Leaves are held to the root, and an event to its leaf, when a path is asked for.
    let place = |desk: &Desk| desk.open().place(&event(0, 1, yes())).unwrap_err().to_string();
    let desk = made(&[]);
    let path = desk.path(BATCH).join("leaves.bin");
    let mut leaves = std::fs::read(&path).unwrap();
    leaves[40] ^= 1;
    std::fs::write(&path, &leaves).unwrap();
    assert!(place(&desk).contains("its leaves do not have the root that was posted"), "{}", place(&desk));
    leaves.truncate(32);
    std::fs::write(&path, &leaves).unwrap();
    assert!(place(&desk).contains("its leaves do not have the root"), "{}", place(&desk));
    let desk = made(&[]);
    desk.edit(EVENTS, |text| text.replace("form 1", "form 2"));
    let altered = content(0, 1, yes()).by_clerk("form 2").unwrap();
    let error = desk.open().place(&altered).unwrap_err().to_string();
    assert!(error.contains("is another one than was posted"), "{error}");
}

/// Everything that holds choices prints nothing of them.
#[test]
fn nothing_secret_is_printed() {
    let desk = Desk::with(1, &[0]);
    let register = desk.open();
    let tag = card(0).tag(SITE);
    let (event, history) = (event(0, 1, yes()), register.history(&tag).unwrap());
    for text in [format!("{event:?}"), format!("{history:?}"), format!("{tag:?}"), format!("{:?}", event.salt())] {
        assert!(!text.contains("DUO") && !text.contains(&tag.to_hex()), "{text}");
    }
    let error = StoreError::Consent {
        source: HistoryError::Conflict { number: 1, first: Box::new(event.clone()), second: Box::new(event) },
    };
    for text in [error.to_string(), format!("{error:?}")] {
        assert!(!text.contains("DUO") && !text.contains(&tag.to_hex()), "{text}");
    }
}

/// The files are for the owner alone.
#[test]
#[cfg(unix)]
fn the_files_are_for_the_owner() {
    use std::os::unix::fs::PermissionsExt;
    fn walk(path: &Path, files: &mut usize) {
        let mode = std::fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{}", path.display());
        for entry in path.is_dir().then(|| std::fs::read_dir(path).unwrap()).into_iter().flatten() {
            walk(&entry.unwrap().path(), files);
        }
        *files += usize::from(path.is_file());
    }
    let desk = Desk::with(2, &[]);
    desk.open().make_batch(8, &mut OsRng).unwrap();
    let mut files = 0;
    walk(&desk.path("consents"), &mut files);
    assert_eq!(files, 3);
}
