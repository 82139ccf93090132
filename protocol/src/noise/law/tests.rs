use num_bigint::BigInt;

use super::*;

const PINNED_TENTH: [&str; 9] = [
    "7fae376211a3c331",
    "7eba7e0207e85734",
    "7b0374daf1e3854c",
    "6d85925db432bb45",
    "478f1ea708eea0f8",
    "134478a1e6a98748",
    "00d90fcc890459da",
    "00005ca2b99169d5",
    "0000000010c2ba89",
];

fn law(epsilon: &str, sensitivity: u64) -> NoiseLaw {
    NoiseLaw::new(epsilon.parse().unwrap(), sensitivity).unwrap()
}

/// Probabilities of every noise from `-most` to `most`, over `2^(65 L)`: digit by digit, exactly.
fn exact(law: &NoiseLaw) -> Vec<BigUint> {
    let mut all = vec![BigUint::from(1u8)];
    for (digit, threshold) in law.thresholds().iter().enumerate() {
        let set = BigUint::from(*threshold);
        let unset = (BigUint::from(1u8) << (WORD_BITS + 1)) - &set * 2u8;
        let (step, old) = (1usize << digit, all.len());
        let mut next = vec![BigUint::default(); old + 2 * step];
        for (place, chance) in all.iter().enumerate() {
            next[place] += chance * &set;
            next[place + step] += chance * &unset;
            next[place + 2 * step] += chance * &set;
        }
        all = next;
    }
    all
}

/// The closed form `(1 - a) / (1 + a) a^|z|`, for `z` from 0 to `most`, as intervals.
fn closed(law: &NoiseLaw, bits: u32) -> Vec<Interval> {
    let (numerator, million) = (BigUint::from(law.epsilon().millionths()), BigUint::from(1_000_000u32));
    let a = Interval::exp_minus(&numerator, &(million * law.sensitivity()), bits);
    let one = BigUint::from(1u8) << bits;
    let first = Interval {
        low: ((&one - &a.high) << bits) / (&one + &a.high),
        high: ceil_div(&((&one - &a.low) << bits), &(&one + &a.low)),
        bits,
    };
    let most = usize::try_from(law.most()).unwrap();
    std::iter::successors(Some(first), |last| Some(last.times(&a))).take(most + 1).collect()
}

#[test]
fn the_exact_distribution_is_as_near_to_the_closed_form_as_is_stated() {
    for (epsilon, sensitivity, digits) in [("0.1", 1, 9), ("0.0125", 1, 12), ("1", 1, 6), ("0.5", 3, 9)] {
        let law = law(epsilon, sensitivity);
        let length = law.thresholds().len();
        assert_eq!(length, digits, "epsilon {epsilon}, sensitivity {sensitivity}");
        let (exact, bits) = (exact(&law), 65 * length as u32);
        assert_eq!(exact.iter().sum::<BigUint>(), BigUint::from(1u8) << bits);
        let closed = closed(&law, bits);
        let middle = exact.len() / 2;
        // Twice the total variation, over 2^bits: what differs, and what the closed form has beyond.
        let (mut differs, mut within) = (BigUint::default(), BigUint::default());
        for (place, chance) in exact.iter().enumerate() {
            let Interval { low, high, .. } = &closed[place.abs_diff(middle)];
            let away =
                |other: &BigUint| (BigInt::from(chance.clone()) - BigInt::from(other.clone())).magnitude().clone();
            differs += away(low).max(away(high));
            within += low;
        }
        let total = differs + (BigUint::from(1u8) << bits) - within;
        let half = ceil_div(&total, &BigUint::from(2u8));
        let found = Delta::of(&half, bits);
        assert!(found <= *law.distance(), "{found} is stated as {}", law.distance());
        // The statement is no idle one: it is within a few powers of two of what is.
        assert!(found.times(64 * length as u64) > *law.distance(), "{found} is stated as {}", law.distance());
        // And symmetric.
        assert!(exact.iter().eq(exact.iter().rev()));
    }
}

#[test]
fn thresholds_are_pinned() {
    // Computed by an independent implementation with 200 decimal digits.
    let hex = |law: &NoiseLaw| law.thresholds().iter().map(|word| format!("{word:016x}")).collect::<Vec<_>>();
    let tenth = law("0.1", 1);
    assert_eq!(hex(&tenth), PINNED_TENTH);
    assert_eq!(
        (tenth.most(), tenth.distance().to_string(), tenth.delta().to_string()),
        (511, "1.1e-19".into(), "2.2e-19".into())
    );
    // At epsilon 0.1: a count, a sum of 16-bit values, their squares.
    assert_eq!([1, 65_535, 65_535 * 65_535].map(|sensitivity| law("0.1", sensitivity).thresholds().len()), [9, 25, 41]);
}

#[test]
fn the_ends_of_what_is_taken() {
    assert_eq!(NoiseLaw::new("1".parse().unwrap(), 0), Err(LawError::Sensitivity));
    let longest = law("0.000001", 65_535 * 65_535);
    assert_eq!(longest.thresholds().len(), 58);
    assert!(matches!(NoiseLaw::new("0.000001".parse().unwrap(), u64::MAX), Err(LawError::Digits { .. })));
    // Beyond every protection there is hardly any noise, and it is still the law.
    let none = law("100", 1);
    assert_eq!((none.thresholds(), none.most()), (&[][..], 0));
    assert_eq!(law("44.3", 1).thresholds().len(), 1);
}

#[test]
fn deltas_are_told_rounded_up() {
    let delta = |numerator: u64, less: u32| Delta((BigUint::from(numerator) << DELTA_BITS) >> less);
    assert_eq!(Delta::default().to_string(), "0");
    assert_eq!(delta(1, 10).to_string(), "9.8e-4");
    assert_eq!(delta(1, 0).to_string(), "1.0e0");
    assert_eq!(Delta((BigUint::from(1u8) << DELTA_BITS) / 1000u32 + 1u8).to_string(), "1.1e-3");
    assert_eq!(delta(1, 10).plus(&delta(1, 10)), delta(1, 10).times(2));
}

/// The coverage that is stated, added up from the exact distribution of what is drawn, and not missed by one less.
#[test]
fn quantiles_hold_of_the_exact_distribution() {
    for (epsilon, sensitivity) in [("0.1", 1), ("0.0125", 1), ("1", 1), ("0.5", 3)] {
        let law = law(epsilon, sensitivity);
        let (exact, most) = (exact(&law), usize::try_from(law.most()).unwrap());
        let one: BigUint = exact.iter().sum();
        for once_in in [1, 2, 20, 640, 1_000_000] {
            let m = usize::try_from(law.reach(once_in)).unwrap();
            let outside = |m: usize| -> BigUint {
                exact.iter().enumerate().filter(|(place, _)| place.abs_diff(most) > m).map(|(_, chance)| chance).sum()
            };
            assert!(outside(m) * once_in <= one, "epsilon {epsilon}: {m}, once in {once_in}");
            assert!(
                m == 0 || outside(m - 1) * once_in > one,
                "epsilon {epsilon}: {m} is more than it takes, once in {once_in}"
            );
        }
    }
    assert_eq!(law("0.1", 1).reach(20), 30);
}
