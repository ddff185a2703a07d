//! Taking the steps of transactions, and asking the network before an address is given: whoever else has it keeps it.

use std::{collections::BTreeSet, time::Duration};

use ipnet::IpNet;
use multinic_crds::{Explanation, MacAddress, Reason};

use super::{act::act, machine::Machine, show::show};
use crate::{
    attribute::Step,
    observed::link::KernelView,
    plan::Transaction,
    progress::What,
    wire::{Inquiry, Question, before, in_use},
};

/// A transaction whose kernel part is not proven yet.
pub(super) struct Pending {
    pub(super) number: usize,
    /// Whether nothing of it was done yet.
    pub(super) is_new: bool,
    pub(super) steps: Vec<Step>,
    pub(super) rounds: u32,
    pub(super) waited: Duration,
}

/// The steps of one transaction, as far as they are taken.
pub(super) struct Course {
    pub(super) one: Pending,
    steps: std::vec::IntoIter<Step>,
    /// What is to be asked before the rest.
    question: Option<Question>,
    /// Links whose network was asked.
    asked: BTreeSet<u32>,
}

impl Course {
    pub(super) fn new(one: Pending, steps: Vec<Step>) -> Self {
        Self { one, steps: steps.into_iter(), question: None, asked: BTreeSet::new() }
    }

    /// Takes steps up to an address that the network has to be asked about, or all of them. `view` is the
    /// last look.
    pub(super) async fn proceed(
        &mut self,
        node: &mut impl Machine,
        transaction: &Transaction,
        view: &KernelView,
    ) -> Result<(), Explanation> {
        while let Some(step) = self.steps.as_slice().first() {
            self.question = self.question_before(step, transaction, view);
            if self.question.is_some() {
                return Ok(());
            }
            let step = step.clone();
            act(node, &step, &transaction.targets).await.map_err(|error| {
                Explanation::new(Reason::ApplyFailed, format!("failed to {step}: {error}"))
            })?;
            self.steps.next();
        }
        Ok(())
    }

    fn question_before(&self, step: &Step, transaction: &Transaction, view: &KernelView) -> Option<Question> {
        match step {
            Step::AddAddress { index, net: IpNet::V4(_) }
            | Step::RestoreAddress { index, net: IpNet::V4(_), .. }
                if !self.asked.contains(index) =>
            {
                before(transaction, *index, view)
            }
            _ => None,
        }
    }
}

/// Takes what is left of the steps of each course; which are through, and why others are not. All networks are asked at
/// once, so that no NIC waits for another one.
pub(super) async fn finish(
    node: &mut impl Machine,
    transactions: &[Transaction],
    mut courses: Vec<Course>,
    view: &KernelView,
) -> (Vec<Pending>, Vec<(usize, Explanation)>) {
    let own: BTreeSet<MacAddress> = view.links.iter().filter_map(|link| link.mac).collect();
    let (mut through, mut failed) = (Vec::new(), Vec::new());
    loop {
        let (done, asking): (Vec<_>, Vec<_>) =
            courses.into_iter().partition(|course| course.question.is_none());
        through.extend(done.into_iter().map(|course| course.one));
        if asking.is_empty() {
            return (through, failed);
        }
        if let Some(first) = asking.first() {
            show(node, transactions, first.one.number, What::Asking);
        }
        let questions = asking.iter().filter_map(|course| course.question.clone());
        let answers = node.ask(questions.map(|one| Inquiry::before(one, own.clone())).collect()).await;
        courses = Vec::new();
        for (mut course, answer) in asking.into_iter().zip(answers) {
            let number = course.one.number;
            if let Some((ip, other)) = answer.taken.into_iter().next() {
                failed.push((number, in_use(ip, other)));
                continue;
            }
            course.asked.extend(course.question.take().map(|question| question.index));
            match course.proceed(node, &transactions[number], view).await {
                Ok(()) => courses.push(course),
                Err(cause) => failed.push((number, cause)),
            }
        }
    }
}
