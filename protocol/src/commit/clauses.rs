//! The clauses of an opening's verification, one by one, so that a test can show that each is needed.

/// Something the verifier of an opening insists on. Without any one of these a false opening passes: the
/// tests hold a forger for each, which is refused, and accepted with just that clause switched off.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OpeningClause {
    /// Every commitment has a point for each matrix row and no more: rows beyond would escape the fold.
    MatrixRows,
    /// One answer a position and no more: one proof has one encoding.
    Answers,
    /// The answers' inner product with `eq(r_lo, .)` is that of mask and committed vector.
    InnerProduct,
    /// The answers are mask plus committed vector, as committed.
    Commitment,
    /// The context is absorbed before the batching challenge: the proof is of no use elsewhere.
    AbsorbContext,
    /// The commitments are absorbed before the batching challenge.
    AbsorbCommitments,
    /// The point is absorbed before the batching challenge.
    AbsorbPoint,
    /// The claimed values are absorbed before the batching challenge.
    AbsorbValues,
    /// The columns are weighed by powers of a challenge: two wrong values do not cancel.
    Batching,
    /// The mask's commitment is absorbed before the sigma challenge.
    AbsorbMask,
    /// The mask's inner product is absorbed before the sigma challenge.
    AbsorbMaskValue,
}

impl OpeningClause {
    /// All clauses.
    pub const ALL: [Self; 11] = [
        Self::MatrixRows,
        Self::Answers,
        Self::InnerProduct,
        Self::Commitment,
        Self::AbsorbContext,
        Self::AbsorbCommitments,
        Self::AbsorbPoint,
        Self::AbsorbValues,
        Self::Batching,
        Self::AbsorbMask,
        Self::AbsorbMaskValue,
    ];
}

/// Which clauses are in force. Outside tests there is one value: all of them.
#[derive(Clone, Copy, Debug)]
pub struct Clauses {
    #[cfg(test)]
    off: Option<OpeningClause>,
}

impl Clauses {
    /// Every clause in force.
    pub(super) const ALL: Self = Self {
        #[cfg(test)]
        off: None,
    };

    /// Every clause but one: only for showing what that one is good for.
    #[cfg(test)]
    pub const fn without(clause: OpeningClause) -> Self {
        Self { off: Some(clause) }
    }

    /// Whether a clause is in force.
    pub(super) fn on(self, clause: OpeningClause) -> bool {
        #[cfg(test)]
        return self.off != Some(clause);
        #[cfg(not(test))]
        {
            let _ = clause;
            true
        }
    }
}
