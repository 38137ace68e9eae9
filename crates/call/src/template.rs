//! Templates: `{{name}}` in a text stands for the value of a variable. Values are data: what looks like a template in
//! one is left as it is. Knows no call.

use model::Pii;
use model::flow::{FlowCommand, GatherPrompt, Playback, Say, variable};

/// What stands between `{{` and `}}`, trimmed, in the order of the text.
pub(crate) fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split("{{").skip(1).filter_map(|rest| Some(rest.split_once("}}")?.0.trim()))
}

/// Whether something in the text may have to be filled in.
pub(crate) fn is_template(text: &str) -> bool {
    names(text).next().is_some()
}

/// The text with the values of its variables; the name of the first that has none.
pub(crate) fn fill(text: &str, value: impl Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        filled.push_str(before);
        let Some((name, behind)) = after.split_once("}}") else {
            filled.push_str("{{");
            rest = after;
            continue;
        };
        let name = name.trim();
        filled.push_str(&value(name).ok_or_else(|| name.to_owned())?);
        rest = behind;
    }
    filled.push_str(rest);
    Ok(filled)
}

/// Shows each text of the command that may hold templates, with its place (`prompt.say.text`), and puts what comes
/// back in its stead.
pub(crate) fn visit(command: &mut FlowCommand, each: &mut dyn FnMut(&str, &str) -> Option<String>) {
    match command {
        FlowCommand::Say(say) => visit_say("", say, each),
        FlowCommand::Playback(playback) => visit_playback("", playback, each),
        FlowCommand::Gather(gather) => match &mut gather.prompt {
            Some(GatherPrompt::Say(say)) => visit_say("prompt.say.", say, each),
            Some(GatherPrompt::Playback(playback)) => visit_playback("prompt.playback.", playback, each),
            None => {}
        },
        FlowCommand::Bridge(bridge) => {
            visit_pii("to", &mut bridge.to, each);
            if let Some(from) = &mut bridge.from {
                visit_pii("from", from, each);
            }
        }
        FlowCommand::Dtmf(dtmf) => visit_pii("digits", &mut dtmf.digits, each),
        FlowCommand::Set(set) => visit_pii("value", &mut set.value, each),
        FlowCommand::Transfer(transfer) => {
            visit_pii("to", &mut transfer.to, each);
            if let Some(from) = &mut transfer.from {
                visit_pii("from", from, each);
            }
        }
        FlowCommand::Record(_)
        | FlowCommand::Pause(_)
        | FlowCommand::Hangup(_)
        | FlowCommand::Answer
        | FlowCommand::Ringing(_)
        | FlowCommand::Label(_)
        | FlowCommand::Goto(_)
        | FlowCommand::Webhook(_)
        | FlowCommand::Conference(_)
        | FlowCommand::Queue(_) => {}
    }
}

/// Whether the command holds a template.
pub(crate) fn is_templated(command: &FlowCommand) -> bool {
    let mut found = false;
    visit(&mut command.clone(), &mut |_, text| {
        found |= is_template(text);
        None
    });
    found
}

/// The command with the values of its variables; else what is wrong, in words for the app's developer.
pub(crate) fn filled(
    command: &FlowCommand,
    value: &dyn Fn(&str) -> Option<String>,
) -> Result<FlowCommand, String> {
    let (mut command, mut fault) = (command.clone(), None);
    visit(&mut command, &mut |place, text| match fill(text, value) {
        Ok(text) => {
            let limit = chars_max(place);
            if text.chars().count() > limit {
                fault = Some(format!(
                    "{place} has more than {limit} characters when its variables are filled in"
                ));
            }
            Some(text)
        }
        Err(name) => {
            fault = Some(format!("there is no variable {name}"));
            None
        }
    });
    fault.map_or(Ok(command), Err)
}

/// Longest text at a place once it is filled in, in characters.
fn chars_max(place: &str) -> usize {
    match place.rsplit('.').next().unwrap_or(place) {
        "text" => Say::TEXT_MAX,
        "value" => variable::VALUE_MAX,
        "digits" => model::flow::Dtmf::DIGITS_MAX,
        "to" | "from" => 256,
        _ => 2_048,
    }
}

fn visit_say(before: &str, say: &mut Say, each: &mut dyn FnMut(&str, &str) -> Option<String>) {
    if let Some(text) = each(&format!("{before}text"), &say.text) {
        say.text = text;
    }
}

fn visit_playback(before: &str, playback: &mut Playback, each: &mut dyn FnMut(&str, &str) -> Option<String>) {
    for (at, location) in playback.media.iter_mut().enumerate() {
        if let Some(text) = each(&format!("{before}media[{at}]"), location) {
            *location = text;
        }
    }
}

fn visit_pii(place: &str, text: &mut Pii<String>, each: &mut dyn FnMut(&str, &str) -> Option<String>) {
    if let Some(filled) = each(place, text.expose()) {
        *text = Pii::new(filled);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&str, &str>) {
        let value = |name: &str| match name {
            "a" => Some("1".to_owned()),
            "sly" => Some("{{a}}".to_owned()),
            _ => None,
        };
        let got = fill(text, value);
        assert_eq!(got.as_deref().map_err(String::as_str), expected, "{text}");
    }

    #[test]
    fn values_take_the_place_of_names_once() {
        check("plain", Ok("plain"));
        check("{{a}}", Ok("1"));
        check("x{{ a }}y{{a}}", Ok("x1y1"));
        check("{{sly}}", Ok("{{a}}"));
        check("{{b}}", Err("b"));
        check("{{}}", Err(""));
        check("{{a", Ok("{{a"));
        check("{a}} {{a}}", Ok("{a}} 1"));
        assert_eq!(names("{{a}} and {{ b }} {{c").collect::<Vec<_>>(), ["a", "b"]);
    }
}
