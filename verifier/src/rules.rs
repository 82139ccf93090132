//! A check's clauses by name, so that a test can show what each is needed for.

/// Which clauses are enforced: all of them, in everything but this crate's own tests, which need the check
/// with one clause off. The switch does not exist in other builds.
#[derive(Clone, Copy)]
pub(crate) struct Rules<C> {
    #[cfg(test)]
    pub(crate) off: Option<C>,
    #[cfg(not(test))]
    clauses: std::marker::PhantomData<C>,
}

impl<C> Default for Rules<C> {
    fn default() -> Self {
        Self {
            #[cfg(test)]
            off: None,
            #[cfg(not(test))]
            clauses: std::marker::PhantomData,
        }
    }
}

impl<C: PartialEq> Rules<C> {
    /// Whether a clause is enforced.
    pub(crate) fn has(&self, clause: C) -> bool {
        #[cfg(test)]
        return self.off != Some(clause);
        #[cfg(not(test))]
        {
            let _ = clause;
            true
        }
    }

    /// Refuses with what is shown and what is allowed, unless it holds or is off.
    pub(crate) fn require(
        &self,
        clause: C,
        holds: bool,
        found: impl FnOnce() -> (String, String),
    ) -> Result<(), (String, String)> {
        if holds || !self.has(clause) { Ok(()) } else { Err(found()) }
    }
}
