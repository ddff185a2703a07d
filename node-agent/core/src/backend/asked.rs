//! What a host said of its next boot: as long as its files stay as they are, it is not asked again.

use std::collections::BTreeMap;

use multinic_crds::{Explanation, MacAddress};

/// Why NICs that are right will not be at the next boot.
type Doubts = BTreeMap<MacAddress, Explanation>;

/// The last question, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked<Question>(Option<(Question, Doubts)>);

impl<Question> Default for Asked<Question> {
    fn default() -> Self {
        Self(None)
    }
}

impl<Question: PartialEq> Asked<Question> {
    /// What came of this very question, if it was the last one; otherwise what `ask` says.
    pub(super) async fn or_ask<E>(
        &mut self,
        question: Question,
        ask: impl AsyncFnOnce(&Question) -> Result<Doubts, E>,
    ) -> Result<Doubts, E> {
        if let Some((last, doubts)) = &self.0
            && *last == question
        {
            return Ok(doubts.clone());
        }
        self.0 = None;
        let doubts = ask(&question).await?;
        self.0 = Some((question, doubts.clone()));
        Ok(doubts)
    }
}
