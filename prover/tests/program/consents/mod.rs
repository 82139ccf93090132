//! Patients' choices, from the clerk's desk to the receipt that a patient checks alone.

mod files;
mod interrupted;
mod story;

use cohortium_protocol::bundle::Bundle;
use cohortium_protocol::consent::{Acknowledgement, Choice, Content, Event, Receipt, Salt, What};
use cohortium_protocol::ledger::{MemberKey, Timestamp};
use cohortium_protocol::table::{Day, PatientSecret};
use cohortium_verifier::receipt::{Holder, ReceiptError, ReceiptReport, check_receipt};
use cohortium_verifier::{ANCHORS_FORMAT, Anchors, AnchorsDocument};
use rand::rngs::OsRng;

use super::exchange::Joined;
use super::place::Place;

const SITE: &str = "gbsg";

/// Seconds since 1970, by the system's clock.
fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

fn today() -> Day {
    Timestamp::from_unix(now()).day()
}

/// A patient of the example, with what the consent file says.
#[derive(Clone)]
struct Patient {
    id: String,
    age: u32,
    academic: bool,
    commercial: bool,
}

/// The patients, as a consent file has them.
fn patients(place: &Place, file: &str) -> Vec<Patient> {
    let (csv, consents) = (place.read("gbsg.csv"), place.read(file));
    let rows = csv.lines().zip(consents.lines()).skip(1).map(|(row, consent)| {
        let (row, consent): (Vec<&str>, Vec<&str>) = (row.split(',').collect(), consent.split(',').collect());
        assert_eq!(row[0], consent[0]);
        let age = row[1].parse().unwrap();
        Patient { id: row[0].to_owned(), age, academic: consent[1] == "1", commercial: consent[2] == "1" }
    });
    rows.collect()
}

/// The first patient of whom this is so.
fn patient(joined: &Joined, is: impl Fn(&Patient) -> bool) -> Patient {
    patients(&joined.place, "consent.csv").into_iter().find(is).unwrap()
}

impl Patient {
    fn card(&self, place: &Place) -> PatientSecret {
        let json = place.run(&format!("tag --home h --patient {} --json", self.id)).ok().json();
        PatientSecret::from_card(json["secret"].as_str().unwrap()).unwrap()
    }

    /// Signs an event with the card's key.
    fn sign(&self, place: &Place, number: u32, what: What, sign: fn(Content, &MemberKey) -> Event) -> Event {
        let card = self.card(place);
        let content = Content::new(SITE, card.tag(SITE), number, today(), what, Salt::draw(&mut OsRng)).unwrap();
        sign(content, &card.signing_key(SITE))
    }

    /// Binds the card's key.
    fn bind(&self, place: &Place, number: u32) -> Event {
        let key = self.card(place).signing_key(SITE).public();
        self.sign(place, number, What::Key { key }, Content::by_card)
    }

    fn revoke(&self, place: &Place, number: u32) -> Event {
        let what = What::Choice(Choice::revoked("DUO:0000042".parse().unwrap()));
        self.sign(place, number, what, Content::by_patient)
    }

    /// Hands an event in, and gets the acknowledgement.
    fn hand_in(&self, place: &Place, event: &Event) -> Acknowledgement {
        place.write("event.json", std::str::from_utf8(&event.canonical()).unwrap());
        place.run(&format!("consent add event.json --home h --patient {} --acknowledge slip.json", self.id)).ok();
        Acknowledgement::parse(place.read("slip.json").as_bytes()).unwrap()
    }

    /// The receipt that the hospital gives.
    #[track_caller]
    fn receipt(&self, place: &Place, more: &str) -> Receipt {
        place.run(&format!("consent receipt --home h --patient {} --out receipt.json {more}", self.id)).ok();
        Receipt::parse(place.read("receipt.json").as_bytes()).unwrap()
    }

    fn check(
        &self,
        joined: &Joined,
        receipt: &Receipt,
        acknowledged: &[Acknowledgement],
        bundle: Option<&Bundle>,
    ) -> Result<ReceiptReport, ReceiptError> {
        let charter = joined.service.charter.clone();
        let anchors = AnchorsDocument {
            format: ANCHORS_FORMAT.to_owned(),
            ledger: charter.ledger(),
            accept_development_keys: true,
            verifying_keys: Vec::new(),
            sites: Vec::new(),
            approvals: Vec::new(),
            charter: Some(charter),
        };
        let holder = Holder::Card(self.card(&joined.place));
        check_receipt(receipt, &Anchors::check(anchors).unwrap(), &holder, acknowledged, bundle)
    }

    /// The flags of a receipt that holds: for universities, for companies.
    #[track_caller]
    fn flags(&self, joined: &Joined, acknowledged: &[Acknowledgement]) -> [bool; 2] {
        let receipt = self.receipt(&joined.place, "");
        let report = self.check(joined, &receipt, acknowledged, None).unwrap();
        assert!(report.holds() && report.has_record(), "{report}");
        assert_eq!(report.flags.len(), 2);
        [report.flags[0].consents, report.flags[1].consents]
    }
}
