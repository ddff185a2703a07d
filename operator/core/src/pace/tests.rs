use super::*;

const INTERVALS: Intervals = Intervals { busy: Duration::from_secs(1), rest: Duration::from_secs(30) };
const QUICK: Duration = Duration::from_millis(10);

/// A pace, and the moment at which its life began.
struct Scene {
    start: Instant,
    pace: Pace,
}

impl Scene {
    /// A first sync at second 0.
    fn new(seen: Seen) -> Self {
        let start = Instant::now();
        let mut scene = Self { start, pace: Pace::new(INTERVALS) };
        scene.sync(0, seen);
        scene
    }

    fn at(&self, second: u64) -> Instant {
        self.start + Duration::from_secs(second)
    }

    fn sync(&mut self, second: u64, seen: Seen) {
        let began = self.at(second);
        self.pace.synced(began, began + QUICK, seen, 0);
    }

    /// How many milliseconds after the start what is next.
    fn next(&self) -> (u128, Turn) {
        let (when, turn) = self.pace.next(None).unwrap();
        (when.duration_since(self.start).as_millis(), turn)
    }

    /// The seconds of every reading until `end`, where each sees the same.
    fn readings(&mut self, end: u64, seen: impl Fn(&Self) -> Seen) -> Vec<u64> {
        let mut seconds = Vec::new();
        loop {
            let second = u64::try_from(self.next().0 / 1000).unwrap();
            if second > end {
                return seconds;
            }
            seconds.push(second);
            let seen = seen(self);
            self.sync(second, seen);
        }
    }
}

fn reading(rows: usize) -> Seen {
    Seen { size: Some(Size { rows, ..Size::default() }), ..Seen::default() }
}

fn unsettled(nodes: &[(&str, i64)]) -> Seen {
    let unsettled = nodes.iter().map(|(node, generation)| ((*node).into(), *generation)).collect();
    Seen { unsettled, ..reading(1) }
}

#[test]
fn the_first_reading_is_at_once_and_at_rest_there_is_one_an_interval() {
    assert_eq!(Pace::new(INTERVALS).next(None), None);
    let mut scene = Scene::new(reading(10));
    assert_eq!(scene.readings(300, |_| reading(10)), (1..=10).map(|n| n * 30).collect::<Vec<_>>());
}

#[test]
fn jitter_makes_an_interval_a_little_shorter_and_never_longer() {
    let interval = Duration::from_secs(30);
    let all: Vec<_> = (0..100).map(|dice| early(interval, dice)).collect();
    assert_eq!(all.iter().max(), Some(&interval));
    assert!(all.iter().all(|early| *early > Duration::from_secs(28)), "{all:?}");
    assert!(all.iter().collect::<std::collections::BTreeSet<_>>().len() > 10, "{all:?}");
}

#[test]
fn a_node_or_an_object_that_changes_is_read_for_at_once_and_what_agents_say_is_not() {
    let mut scene = Scene::new(reading(1));
    scene.pace.hear(scene.at(5));
    assert_eq!(scene.next(), (5_050, Turn::Mirror));
    scene.pace.note(scene.at(6));
    scene.pace.note(scene.at(7));
    assert_eq!(scene.next(), (5_050, Turn::Mirror));
    let at = scene.at(5);
    scene.pace.mirrored(at, at + QUICK);
    assert_eq!(scene.next(), (6_200, Turn::Sync));
    scene.sync(7, reading(1));
    assert_eq!(scene.next(), (37_000, Turn::Sync));
}

#[test]
fn agents_that_talk_without_end_are_mirrored_a_fifth_of_the_time() {
    let mut scene = Scene::new(reading(1));
    let at = scene.at(5);
    scene.pace.hear(at);
    scene.pace.mirrored(at, at + Duration::from_secs(1));
    scene.pace.hear(scene.at(6));
    assert_eq!(scene.next(), (10_000, Turn::Mirror));
}

#[test]
fn rows_that_change_bring_readings_close_together_until_they_have_stayed_for_a_while() {
    let mut scene = Scene::new(reading(1));
    scene.sync(30, reading(2));
    let readings = scene.readings(130, |_| reading(2));
    assert_eq!(readings[..3], [31, 32, 33]);
    let last = readings.iter().rev().find(|second| **second < 50).copied();
    assert_eq!(last, Some(45));
    assert_eq!(readings.iter().filter(|second| **second > 50).copied().collect::<Vec<_>>(), [75, 105]);
}

#[test]
fn rows_that_are_only_written_anew_leave_everything_at_rest() {
    let mut scene = Scene::new(reading(7));
    scene.sync(30, reading(7));
    assert_eq!(scene.next(), (60_000, Turn::Sync));
    let stirred = Seen { stirred: true, ..reading(7) };
    scene.sync(60, stirred);
    assert_eq!(scene.next(), (61_000, Turn::Sync));
}

#[test]
fn an_agent_that_never_reports_is_waited_for_once_for_each_generation() {
    let mut scene = Scene::new(unsettled(&[("dead", 1)]));
    assert_eq!(scene.next(), (1_000, Turn::Sync));
    let readings = scene.readings(200, |_| unsettled(&[("dead", 1)]));
    let hot = readings.iter().filter(|second| **second <= 60).count();
    assert!((59..=61).contains(&hot), "{readings:?}");
    assert!(readings.iter().filter(|second| **second > 61).count() <= 5, "{readings:?}");
    scene.sync(210, unsettled(&[("dead", 2)]));
    assert_eq!(scene.next(), (211_000, Turn::Sync));
    scene.sync(211, unsettled(&[("dead", 2), ("late", 1)]));
    scene.sync(280, unsettled(&[("dead", 2)]));
    assert_eq!(scene.next(), (310_000, Turn::Sync));
}

#[test]
fn an_absence_is_read_again_when_it_has_lasted_long_enough_and_not_meanwhile() {
    let mut scene = Scene::new(reading(1));
    let ripens = scene.at(12);
    scene.sync(2, Seen { ripens: Some(ripens), ..reading(1) });
    assert_eq!(scene.next(), (12_000, Turn::Sync));
}

#[test]
fn in_an_outage_nothing_counts_but_the_next_attempt() {
    let mut scene = Scene::new(reading(1));
    scene.sync(30, Seen::default());
    scene.pace.note(scene.at(31));
    scene.pace.hear(scene.at(31));
    let retry = scene.pace.next(Some(Duration::from_secs(4)));
    assert_eq!(retry, Some((scene.at(34), Turn::Sync)));
    // The table is as it was before.
    scene.sync(40, reading(1));
    assert_eq!(scene.next(), (70_000, Turn::Sync));
}

#[test]
fn a_table_that_takes_long_to_sync_is_not_read_all_the_time_whatever_changes() {
    let next = |took: u64| {
        let mut scene = Scene::new(reading(1));
        let (began, ended) = (scene.at(100), scene.at(100 + took));
        scene.pace.synced(began, ended, Seen { stirred: true, ..reading(1) }, 0);
        scene.pace.note(ended);
        scene.next()
    };
    assert_eq!(next(2), (110_000, Turn::Sync));
    assert_eq!(next(10), (130_000, Turn::Sync));
}
