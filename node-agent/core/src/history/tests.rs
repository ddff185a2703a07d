use std::time::Duration;

use multinic_crds::{MAX_INTERFACE_MESSAGE_BYTES, Reason};

use super::{
    limits::{CONTENTION_LIMIT, CONTENTION_WINDOW, FENCE_LIMIT, MOST_ATTEMPTS, SETTLING},
    *,
};
use crate::{
    observed::link::Link,
    retry::{FIRST_RETRY, LAST_RETRY},
    testing::mac,
};

const NODE: &str = "worker-1";
const BOOT: &str = "a boot";

const NIC: &str = "fa:16:3e:00:00:01";
const OTHER: &str = "fa:16:3e:00:00:02";
const THIRD: &str = "fa:16:3e:00:00:03";

fn generation(generation: i64) -> Desired {
    Desired { node: NODE.to_owned(), uid: "an object".to_owned(), generation, ..Desired::default() }
}

fn failure() -> Explanation {
    Explanation::new(Reason::ApplyFailed, "failed")
}

#[test]
fn a_nic_that_failed_is_held_with_its_reason_and_no_other_is() {
    let start = Instant::now();
    let mut history = History::default();
    history.begin(&generation(1));
    history.failed(mac(NIC), failure(), true, start);
    assert_eq!(history.held(start), BTreeMap::from([(mac(NIC), failure())]));
    history.failed(mac(OTHER), failure(), true, start + FIRST_RETRY);
    let attempts: Vec<_> = history.next_attempts().collect();
    assert_eq!(attempts, [start + FIRST_RETRY, start + 2 * FIRST_RETRY]);
    history.away(mac(OTHER), start);
    assert_eq!(history.held(start + FIRST_RETRY), BTreeMap::new());
}

#[test]
fn a_new_generation_and_a_nic_that_was_away_or_is_right_start_afresh() {
    let start = Instant::now();
    let mut history = History::default();
    history.begin(&generation(1));
    for address in [NIC, OTHER, THIRD] {
        history.failed(mac(address), failure(), true, start);
    }
    history.away(mac(OTHER), start);
    history.right(mac(THIRD));
    assert_eq!(history.held(start).into_keys().collect::<Vec<_>>(), [mac(NIC)]);
    history.begin(&generation(2));
    assert_eq!(history.held(start), BTreeMap::new());
}

/// How many rounds an opponent gets, of whom each is `round`, one after the other at the same moment.
fn rounds(mut round: impl FnMut(&mut History, Instant)) -> usize {
    let start = Instant::now();
    let mut history = History::default();
    history.begin(&generation(1));
    history.succeeded(mac(NIC), true, start);
    for number in 0..100 {
        if history.held(start).get(&mac(NIC)) == Some(&words::contended()) {
            assert_eq!(history.held(start + CONTENTION_WINDOW), BTreeMap::new(), "not for ever");
            return number;
        }
        round(&mut history, start);
    }
    panic!("the fight goes on");
}

#[test]
fn a_fight_over_one_nic_ends_after_a_few_rounds_whatever_the_rounds_are_like() {
    let repaired = rounds(|history, now| {
        assert!(history.succeeded(mac(NIC), true, now));
        history.succeeded(mac(OTHER), false, now);
    });
    let failing_in_between = rounds(|history, now| {
        history.failed(mac(NIC), failure(), true, now);
        history.succeeded(mac(NIC), true, now);
    });
    let taken_away = rounds(|history, now| {
        history.away(mac(NIC), now);
        history.succeeded(mac(NIC), true, now);
    });
    let taken_away_and_failing = rounds(|history, now| {
        history.failed(mac(NIC), failure(), true, now);
        history.away(mac(NIC), now);
    });
    assert_eq!([repaired, failing_in_between, taken_away, taken_away_and_failing], [CONTENTION_LIMIT; 4]);
}

#[test]
fn a_nic_that_comes_and_goes_without_a_change_is_nobodys_fight() {
    let start = Instant::now();
    let mut history = History::default();
    history.begin(&generation(1));
    for _ in 0..100 {
        history.right(mac(NIC));
        history.away(mac(NIC), start);
        assert!(!history.succeeded(mac(NIC), false, start));
    }
    assert_eq!(history.held(start), BTreeMap::new());
}

#[test]
fn a_change_that_disturbs_the_nodes_own_links_each_time_is_not_made_for_ever() {
    let start = Instant::now();
    let disturbing = || Explanation::new(Reason::FenceChanged, "changed");
    let mut history = History::default();
    history.begin(&generation(1));
    for _ in 1..FENCE_LIMIT {
        history.failed(mac(NIC), disturbing(), true, start);
        assert!(history.suspects_a_change());
        assert_eq!(history.held(start + LAST_RETRY), BTreeMap::new());
    }
    history.failed(mac(OTHER), disturbing(), true, start);
    history.succeeded(mac(OTHER), true, start);
    history.failed(mac(NIC), disturbing(), true, start);
    let years_later = start + 100_000 * LAST_RETRY;
    assert_eq!(history.held(years_later), BTreeMap::from([(mac(NIC), words::self_fenced(NODE))]));
    history.begin(&generation(2));
    assert_eq!(history.held(start), BTreeMap::new());
}

/// A history in which the NIC failed so often, and the moment of the last time.
fn failing(times: u32, why: &Explanation, touched: bool) -> (History, Instant) {
    let mut now = Instant::now();
    let mut history = History::recall(BOOT.to_owned(), None);
    history.begin(&generation(1));
    for number in 0..times {
        assert_eq!(history.held(now), BTreeMap::new(), "held at attempt {number}");
        history.failed(mac(NIC), why.clone(), touched, now);
        now = history.next_attempts().next().unwrap_or(now);
    }
    (history, now)
}

fn is_held(history: &mut History, now: Instant) -> bool {
    history.held(now).contains_key(&mac(NIC))
}

/// As an agent that is started now knows it.
fn restarted(history: &History, boot: &str) -> History {
    let text = history.record().map(|record| record.text().unwrap());
    let record = text.map(|text| Record::parse(&text).unwrap());
    let mut restarted = History::recall(boot.to_owned(), record.as_ref());
    restarted.begin(&generation(history.request.generation));
    restarted
}

fn ended() -> (History, Instant) {
    let (history, last) = failing(MOST_ATTEMPTS, &failure(), true);
    (history, last + SETTLING)
}

#[test]
fn attempts_end_after_half_a_day_and_the_status_says_how_many_and_what_makes_another_one() {
    let start = Instant::now();
    let (mut history, end) = failing(MOST_ATTEMPTS, &failure(), true);
    let hours = end.duration_since(start).as_secs() / 3600;
    assert_eq!(hours, 11, "documented as twelve hours");
    let held = history.held(end + 1000 * LAST_RETRY);
    let said = &held[&mac(NIC)];
    assert_eq!(said.reason, Reason::ApplyFailed);
    for part in ["failed; tried 150 times", "kubectl annotate nnc worker-1 --overwrite multinic.io/retry="] {
        assert!(said.message.contains(part), "{}", said.message);
    }
    assert_eq!(history.next_attempts().count(), 0);
}

#[test]
fn the_remedy_is_read_whole_however_long_the_cause_is() {
    let long = Explanation::new(Reason::ApplyFailed, "x".repeat(2 * MAX_INTERFACE_MESSAGE_BYTES));
    let said = words::exhausted(&long, 150, NODE).message;
    assert!(
        said.len() <= MAX_INTERFACE_MESSAGE_BYTES && said.ends_with("multinic.io/retry=\"$(date)\""),
        "{said}"
    );
}

#[test]
fn what_touches_nothing_or_waits_for_others_is_tried_without_end() {
    for (reason, touched) in [
        (Reason::HostNetplanInvalid, false),
        (Reason::ChangedMeanwhile, true),
        (Reason::NotPersisted, true),
        (Reason::ManagerUnreachable, true),
        (Reason::DeviceGone, true),
    ] {
        let (mut history, end) = failing(3 * MOST_ATTEMPTS, &Explanation::new(reason, "not yet"), touched);
        assert!(!is_held(&mut history, end), "{reason}");
        assert_eq!(history.record(), None, "{reason}");
    }
}

#[test]
fn the_count_survives_a_restart_and_neither_a_reboot_nor_a_success() {
    let (history, now) = ended();
    assert!(is_held(&mut restarted(&history, BOOT), now));
    assert!(!is_held(&mut restarted(&history, "another boot"), now));
    assert!(is_held(&mut restarted(&history, ""), now), "forgotten, though nobody knows of a boot");

    let (mut history, now) = failing(MOST_ATTEMPTS - 1, &failure(), true);
    let mut last = restarted(&history, BOOT);
    assert!(!is_held(&mut last, now));
    last.failed(mac(NIC), failure(), true, now);
    assert!(is_held(&mut last, now + 1000 * LAST_RETRY));
    history.succeeded(mac(NIC), true, now);
    assert_eq!(history.record(), None);
}

#[test]
fn another_generation_object_or_word_of_a_person_is_a_new_start() {
    let asked = |word: &str| Desired { retry: Some(word.to_owned()), ..generation(1) };
    for desired in
        [generation(2), Desired { uid: "another object".to_owned(), ..generation(1) }, asked("now")]
    {
        let (mut history, now) = ended();
        history.begin(&generation(1));
        assert!(is_held(&mut history, now));
        history.begin(&desired);
        assert!(!is_held(&mut history, now), "{desired:?}");
    }
    let (mut history, now) = ended();
    history.begin(&asked("now"));
    for _ in 0..MOST_ATTEMPTS {
        history.failed(mac(NIC), failure(), true, now);
    }
    let mut restarted = restarted(&history, BOOT);
    for desired in [asked("now"), generation(1)] {
        restarted.begin(&desired);
        assert!(is_held(&mut restarted, now + LAST_RETRY), "asked once, tried twice");
    }
}

#[test]
fn a_link_that_is_another_than_when_attempts_ended_is_another_chance_and_one_that_settles_is_none() {
    let link = Link::physical(7, "ens7", mac(NIC));
    let seen = |link: &Link| KernelView { links: vec![link.clone()], ..KernelView::default() };
    let settling = Link { carrier: false, ..link.clone() };
    for other in [
        Link { index: 8, ..link.clone() },
        Link { name: "ens8".to_owned(), ..link.clone() },
        Link { carrier: false, ..link.clone() },
        Link { mtu_range: (68, Some(1500)), ..link.clone() },
    ] {
        let (mut history, now) = ended();
        history.look(&seen(&settling), "netplan", &[], now.checked_sub(Duration::from_secs(1)).unwrap());
        for _ in 0..2 {
            history.look(&seen(&link), "netplan", &[], now);
            assert!(is_held(&mut history, now));
            history = restarted(&history, BOOT);
            // The earlier agent may have made its last attempt a moment ago.
            history.look(&seen(&settling), "netplan", &[], now);
            assert!(is_held(&mut history, now));
        }
        history.look(&seen(&other), "netplan", &[], now + SETTLING);
        assert!(!is_held(&mut history, now), "{other:?}");
    }
}

#[test]
fn another_backend_is_another_chance_and_so_are_other_files_for_what_they_made_unfit() {
    let (mut history, now) = ended();
    for (backend, held) in [("netplan", true), ("", true), ("netplan", true), ("networkd", false)] {
        history.look(&KernelView::default(), backend, &[], now);
        assert_eq!(is_held(&mut history, now), held, "{backend:?}");
    }

    let definitions = [Definition::unreadable("/etc/netplan/50-cloud-init.yaml", "it is no YAML")];
    for (touched, held) in [(false, false), (true, true)] {
        let (mut history, now) = failing(5, &failure(), touched);
        let early = now.checked_sub(Duration::from_secs(1)).unwrap();
        history.look(&KernelView::default(), "netplan", &definitions, early);
        history.look(&KernelView::default(), "netplan", &definitions, early);
        assert!(is_held(&mut history, early));
        history.look(&KernelView::default(), "netplan", &[], early);
        assert_eq!(is_held(&mut history, early), held);
    }
}

#[test]
fn what_could_not_be_taken_back_is_touched_no_more_until_the_object_changes_or_a_person_says_so() {
    let stuck = Explanation::new(Reason::RollbackFailed, "ApplyFailed: no; and the roll-back failed: no");
    let start = || failing(1, &stuck, true);
    let (mut history, now) = start();
    for _ in 0..2 * CONTENTION_LIMIT {
        history.away(mac(NIC), now);
        assert_eq!(history.held(now)[&mac(NIC)].reason, Reason::RollbackFailed, "nobody fights");
    }
    for mut history in [restarted(&history, BOOT), restarted(&history, "another boot"), history] {
        history.look(&KernelView::default(), "netplan", &[], now);
        history.look(&KernelView::default(), "networkd", &[], now);
        let held = history.held(now + 1000 * LAST_RETRY);
        let said = &held[&mac(NIC)];
        assert_eq!(said.reason, Reason::RollbackFailed);
        assert!(said.message.contains("multinic.io/retry"), "{}", said.message);
    }
    let retry = Desired { retry: Some("now".to_owned()), ..generation(1) };
    for desired in [generation(2), retry] {
        let (mut history, now) = start();
        history.begin(&desired);
        assert!(!is_held(&mut history, now));
    }
    let (mut history, now) = start();
    history.right(mac(NIC));
    assert!(!is_held(&mut history, now), "somebody put it right by hand");
}

#[test]
fn what_an_earlier_agent_could_not_take_back_is_held_for_what_asked_for_it() {
    let now = Instant::now();
    let failed = |failure| Failures::from([(mac(NIC), failure)]);
    let left = failed(Failure::RollbackFailed { cause: failure(), rollback: "no".to_owned() });
    let asked = |retry: Option<&str>| Desired { retry: retry.map(str::to_owned), ..generation(2) };
    let heir = |failures: &Failures| {
        // Of an older generation, in which others failed.
        let (mut history, _) = failing(1, &failure(), true);
        history.inherit(&asked(Some("before")).request(), failures, now);
        history
    };
    let is_stuck = |history: &mut History| {
        history.held(now + 1000 * LAST_RETRY).values().any(|why| why.reason == Reason::RollbackFailed)
    };
    for (desired, stays) in [
        (asked(Some("before")), true),
        (asked(None), true),
        (asked(Some("now")), false),
        (generation(3), false),
    ] {
        let record = heir(&left).record().unwrap();
        for mut history in [heir(&left), History::recall(BOOT.to_owned(), Some(&record))] {
            history.begin(&desired);
            assert_eq!(is_stuck(&mut history), stays, "{desired:?}");
        }
    }
    let taken_back = heir(&failed(Failure::RolledBack(failure())));
    assert_eq!(taken_back.request.generation, 1, "nothing is left of it");
}

#[test]
fn a_record_of_a_newer_agent_is_not_gone_by() {
    let (history, _) = ended();
    let text = history.record().unwrap().text().unwrap();
    for (from, to) in [("\"version\":1", "\"version\":2"), ("\"attempts\":", "\"more\":1,\"attempts\":")] {
        assert!(text.contains(from));
        Record::parse(&text.replace(from, to)).unwrap_err();
    }
}
