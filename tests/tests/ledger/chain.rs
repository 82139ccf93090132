//! Blocks: what follows is added, and nothing else, whoever signed it.

use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::{Block, Statement};
use cohortium_tests::exchange::{Chain, DAY, OPERATOR, at, key_of};
use cohortium_verifier::ledger::{ChainError, Refusal, State, Trust, Verification, parse_block};

use crate::world::{exchange, other_numbers, story, world};

fn replay(blocks: &[Block], trust: Trust) -> Result<State, ChainError> {
    let mut state = exchange().found();
    for block in blocks {
        state.add_block(block, trust)?;
    }
    Ok(state)
}

/// The operator's signature under a block, whatever it says.
fn resealed(mut block: Block) -> Block {
    block.checkpoint = block.statement(&exchange().charter.ledger()).sign(&key_of(OPERATOR)).unwrap();
    block
}

/// The operator's signature under a block whose root and size follow from its transactions.
fn rehashed(before: &State, mut block: Block) -> Block {
    let mut tree = before.tree().clone();
    for transaction in &block.transactions {
        tree.push(cohortium_protocol::ledger::leaf_hash(transaction.leaf().as_bytes()));
    }
    (block.size, block.root) = (tree.len(), tree.root());
    resealed(block)
}

#[test]
fn the_same_blocks_make_the_same_state() {
    let chain = &story().chain;
    let (verified, trusted) = (replay(&chain.blocks, Trust::Nothing), replay(&chain.blocks, Trust::OwnLog));
    for state in [verified.unwrap(), trusted.unwrap()] {
        assert_eq!(state.digest(), chain.state.digest());
        assert_eq!((state.height(), state.tip(), state.time()), (12, chain.state.tip(), chain.state.time()));
        assert_eq!(state.tree().root(), chain.state.tree().root());
        for request in &story().requests {
            let words = |state: &State| format!("{:?}", state.query(&request.digest()).unwrap().sites);
            // Policies in words and cells too, which the digest has only by way of the tree.
            assert_eq!(words(&state), words(&chain.state));
        }
    }
    // Through their files, too.
    for (place, line) in chain.export().lines().skip(1).enumerate() {
        assert!(parse_block(place as u64 + 1, line.as_bytes()).unwrap() == chain.blocks[place]);
    }
    let digests: std::collections::BTreeSet<Digest> = chain.blocks.iter().map(|block| block.state).collect();
    assert_eq!(digests.len(), chain.blocks.len(), "every transaction changes the state's digest");
}

#[test]
fn every_field_of_a_head_is_checked() {
    let chain = &story().chain;
    let before = replay(&chain.blocks[..3], Trust::OwnLog).unwrap();
    let digest = Digest::of_bytes(b"another");
    type Change = fn(&mut Block, Digest);
    // What is said of it with the old checkpoint, and with a new one by the operator itself.
    let changes: [(Change, &str, &str); 9] = [
        (|b, _| b.height = 5, "its height is 5, it should be 4", "its height is 5, it should be 4"),
        (|b, d| b.previous = d, "its previous block is", "its previous block is"),
        (|b, _| b.time = at(60), "its time is 2026-02-01T00:01:00Z, it should be at or after", "its time is"),
        // A block's time is in the state where rules of time go by it: here, until when north may answer.
        (|b, _| b.time = at(DAY + 61), "its checkpoint is", "its state is"),
        (|b, _| b.size += 1, "its checkpoint is", "its size is 15, it should be 14"),
        (|b, d| b.root = d, "its checkpoint is", "its root is"),
        (|b, d| b.state = d, "its checkpoint is", "its state is"),
        (|b, _| b.checkpoint = "no note".to_owned(), "the checkpoint is not a signed note", ""),
        (|b, _| b.transactions.clear(), "block 4 has no transactions; such blocks are not made", "has no transactions"),
    ];
    for (change, says, signed_says) in changes {
        let mut block = chain.blocks[3].clone();
        change(&mut block, digest);
        let refused = |block: &Block| before.clone().add_block(block, Trust::Nothing).unwrap_err().to_string();
        assert!(refused(&block).contains(says), "{says}: {}", refused(&block));
        let block = resealed(block);
        if !signed_says.is_empty() {
            assert!(refused(&block).contains(signed_says), "{signed_says}: {}", refused(&block));
        }
    }
    // In the service's own log the state is looked at once, after the last block.
    let (mut own, altered) = (before.clone(), resealed(Block { state: digest, ..chain.blocks[3].clone() }));
    own.add_block(&altered, Trust::OwnLog).unwrap();
    assert!(own.check_digest(&altered).unwrap_err().to_string().contains("block 4: its state is"));
    let mut good = before.clone();
    good.add_block(&chain.blocks[3], Trust::Nothing).unwrap();
    // The same block again, or one that is left out.
    assert!(
        good.clone().add_block(&chain.blocks[3], Trust::Nothing).unwrap_err().to_string().contains("its height is 4")
    );
    assert!(good.add_block(&chain.blocks[5], Trust::Nothing).unwrap_err().to_string().contains("its height is 6"));
    let mut line: serde_json::Value = serde_json::to_value(&chain.blocks[3]).unwrap();
    line["format"] = "cohortium-block/2".into();
    let refused = parse_block(4, line.to_string().as_bytes()).unwrap_err().to_string();
    assert_eq!(refused, "record 4's format is \"cohortium-block/2\"; this version reads \"cohortium-block/1\"");
    line["note"] = "unknown".into();
    assert!(parse_block(4, line.to_string().as_bytes()).unwrap_err().to_string().contains("unknown field `note`"));
}

#[test]
fn nobody_but_the_operator_makes_blocks() {
    let chain = &story().chain;
    let before = replay(&chain.blocks[..3], Trust::OwnLog).unwrap();
    for (origin, signer) in [(exchange().charter.ledger(), "north"), ("inland/00".to_owned(), OPERATOR)] {
        let mut block = chain.blocks[3].clone();
        block.checkpoint = block.statement(&origin).sign(&key_of(signer)).unwrap();
        for trust in [Trust::Nothing, Trust::OwnLog] {
            let refused = before.clone().add_block(&block, trust).unwrap_err();
            assert!(matches!(refused, ChainError::Checkpoint { height: 4, .. }), "{refused}");
        }
    }
}

#[test]
fn transactions_are_those_under_the_root_in_their_order() {
    let chain = &story().chain;
    let before = replay(&chain.blocks[..3], Trust::OwnLog).unwrap();
    let block = &chain.blocks[3];
    assert_eq!(block.transactions.len(), 2);
    let with = |change: &dyn Fn(&mut Block)| {
        let mut block = block.clone();
        change(&mut block);
        block
    };
    let extra = exchange().floor("north", 2, &cohortium_tests::usual_policy());
    let changed = [
        ("swapped", with(&|b| b.transactions.swap(0, 1)), "its root is"),
        ("dropped", with(&|b| drop(b.transactions.pop())), "its size is"),
        ("added", with(&|b| b.transactions.push(extra.clone())), "its size is"),
        ("exchanged", with(&|b| b.transactions[1] = extra.clone()), "its root is"),
        ("twice", with(&|b| b.transactions[1] = b.transactions[0].clone()), "this statement is on the ledger already"),
    ];
    for (what, altered, says) in changed {
        let refused = |block: &Block| before.clone().add_block(block, Trust::Nothing).unwrap_err().to_string();
        // The old checkpoint is not of another number of transactions; the operator's new one is not of these.
        let (first, second) = (refused(&altered), refused(&resealed(altered.clone())));
        assert!(first.contains(says) || first.contains("its checkpoint is"), "{what}: {first}");
        assert!(second.contains(says), "{what}: {second}");
        // An operator who computes root and size anew is left with the state's digest, or with a rule.
        let third = refused(&rehashed(&before, altered));
        assert!(third.contains("its state is") || third.contains(says), "{what}: {third}");
    }
    // In one block, a site's decision before the query that it is about.
    let query = replay(&chain.blocks[..2], Trust::OwnLog).unwrap();
    let mut both = chain.blocks[2].clone();
    both.transactions.insert(0, chain.blocks[3].transactions[0].clone());
    let refused = query.clone().add_block(&rehashed(&query, both), Trust::Nothing).unwrap_err();
    let ChainError::Transaction { height: 3, place: 1, kind: "accept", member, refusal } = refused else {
        panic!("{refused}");
    };
    assert!(member == "north" && matches!(*refusal, Refusal::Unknown { .. }), "{refusal}");
}

/// A block that holds a false release, sealed by an operator who did not look.
fn unlooked() -> (State, Block) {
    let w = world();
    let mut chain = Chain::new(w.exchange);
    chain.add(at(0), w.exchange.registrations());
    chain.add(at(60), vec![w.exchange.study(&w.approval)]);
    chain.add(at(DAY), vec![w.exchange.ask(&w.request)]);
    chain.add(at(DAY + 60), vec![w.exchange.accept("north", &w.request)]);
    let before = chain.state.clone();
    let forged = w.exchange.release("north", &w.request, &other_numbers(&w.proof));
    let mut open = chain.state.open_block(at(DAY + 300));
    open.admit(forged, &Verification::OwnLog).unwrap();
    (before, open.seal(&key_of(OPERATOR)).unwrap().unwrap())
}

#[test]
fn a_release_that_nobody_verified_is_found() {
    let (before, block) = unlooked();
    let refused = before.clone().add_block(&block, Trust::Nothing).unwrap_err();
    let says =
        "block 5, transaction 1 (release of \"north\"): the release does not pass the audit: the proof is not valid";
    assert!(refused.to_string().starts_with(says), "{refused}");
    // That is what it means to trust one's own log.
    before.clone().add_block(&block, Trust::OwnLog).unwrap();
    assert!(matches!(block.transactions[0].statement, Statement::Release { .. }));
}

#[test]
fn a_block_is_never_before_the_one_before() {
    let mut chain = Chain::new(exchange());
    chain.add(at(DAY), vec![exchange().seeds("north", 1)]);
    // The service's clock was put back.
    chain.add(at(0), vec![exchange().seeds("south", 1)]);
    assert_eq!(chain.blocks[1].time, at(DAY));
    let open = chain.state.open_block(at(DAY));
    assert!(open.seal(&key_of(OPERATOR)).unwrap().is_none(), "no block without transactions");
}
