//! Compares the runbook with the template: it has a section for every alarm, and for nothing that is not an
//! alarm.

use std::collections::BTreeSet;

use local::template::TEMPLATE;

const RUNBOOK: &str = include_str!("../../docs/runbook.md");

#[test]
fn exactly_the_alarms_are_in_the_runbook() {
    let resources: Vec<_> = TEMPLATE.lines().filter(|line| !line.trim_start().starts_with('#')).collect();
    let alarms: BTreeSet<_> = resources
        .windows(2)
        .filter(|pair| pair[1].trim() == "Type: AWS::CloudWatch::Alarm")
        .map(|pair| pair[0].trim().trim_end_matches(':'))
        .collect();
    let explained: Vec<_> = RUNBOOK
        .lines()
        .filter_map(|line| line.strip_prefix("### "))
        .flat_map(|line| line.split(", "))
        .collect();
    assert!(alarms.len() > 30, "{}", alarms.len());
    assert_eq!(explained.iter().copied().collect::<BTreeSet<_>>(), alarms);
    assert_eq!(explained.len(), alarms.len(), "one is explained twice");
}

#[test]
fn every_alarm_has_an_action() {
    let blocks: Vec<_> = TEMPLATE.split("Type: AWS::CloudWatch::Alarm").skip(1).collect();
    for block in blocks {
        let alarm = block.split("\n\n").next().unwrap_or_default();
        assert!(alarm.contains("AlarmActions: [!Ref AlarmTopic]"), "{alarm}");
    }
}
