//! What people, machines and screeners say when a telephone is answered. `{}` is a name.

use super::dice::Dice;

const NAMES: &[&str] = &[
    "John",
    "Mary",
    "Peter Miller",
    "Susan",
    "Doctor Brown",
    "Alex",
    "Anna Kowalski",
    "Tom",
    "Linda Green",
    "Omar",
    "Grace",
    "Mister Jones",
    "Kate",
    "David Lee",
    "Helen",
    "Marco",
    "Paul Schmidt",
    "Emma",
    "Robert",
    "Julia",
];

const HELLOS: &[&str] = &[
    "Hello?",
    "Hello?",
    "Hello?",
    "Hello.",
    "Hi.",
    "Yes?",
    "Hey.",
    "Hallo?",
    "Yeah?",
    "Yep.",
    "Good morning.",
    "Hello, hello?",
    "Speaking.",
    "Hi there.",
    "Hello, yes?",
    "Yes, hello?",
];

const NAMED: &[&str] = &[
    "Yes, {} speaking.",
    "{} here.",
    "Hello, this is {}.",
    "{} speaking.",
    "Hi, {} here.",
    "This is {}.",
    "Hello, {}.",
    "Good morning, {}.",
];

const QUESTIONS: &[&str] = &[
    "Hello, who is this?",
    "Hello, who's there?",
    "Who is calling?",
    "Yes, who is it?",
    "Hello, can I help you?",
    "Hi, who's that?",
];

const BUSINESS: &[&str] = &[
    "Good morning, this is {}, how can I help you?",
    "Thank you for calling, {} speaking.",
    "Front desk, {} speaking, what can I do for you?",
];

const GREETINGS: &[&str] = &[
    "Hi, this is {}. I can't come to the phone right now. Please leave a message after the tone.",
    "Hello, you have reached the voicemail of {}. I am not available at the moment. Please leave your name and \
     number, and I will call you back as soon as possible.",
    "The person you are trying to reach is not available. At the tone, please record your message. When you have \
     finished recording, you may hang up, or press one for more options.",
    "Your call has been forwarded to an automatic voice message system. {} is not available. At the tone, please \
     record your message.",
    "Hey, it's {}. Sorry I missed you. Leave a message and I'll get back to you. Bye.",
    "You've reached {}. Please leave a message.",
    "Welcome to the mailbox of {}. Please speak after the beep.",
    "Thank you for calling. Our office is closed. Our business hours are Monday to Friday, from nine to five. \
     Please leave a message after the tone, and we will return your call on the next business day.",
    "Hi, you've reached {}. I'm either away from my desk or on the other line. Leave me a message. Thanks.",
    "This is {}. I'm on holiday until the end of the month. If it is urgent, please write to my colleague. \
     Otherwise leave a message and I will call you when I am back.",
    "The mailbox is full and cannot accept any messages at this time. Goodbye.",
    "We are unable to take your call. Please leave your name, your telephone number and a short message after the \
     tone. Thank you.",
    "Hello. We are not at home. Please leave a message.",
    "The number you have dialled is currently not available. Please try again later, or leave a message after the \
     signal.",
    "Hi! Guess what, I'm not here. You know what to do.",
    "Good day, this is the answering machine of the family {}. We are not in at the moment, but we call back \
     everybody who leaves a message. Please speak slowly, and do not forget your number. Thank you and goodbye.",
];

const SHORT_GREETINGS: &[&str] = &[
    "Please leave a message.",
    "Leave a message after the tone.",
    "It's {}, leave a message.",
    "Please record your message.",
    "{} is not available. Leave a message.",
];

const SCREENING: &[&str] = &[
    "Hello. The person you are calling uses a screening service. Who is calling, please?",
    "Hi, the person you're calling is using a screening service. Go ahead and say your name, and why you're calling.",
    "Hi. If you record your name and reason for calling, I'll see if this person is available.",
    "Who is calling, please? Please say your name after the pause.",
    "This number is protected. Please say your name and I will try to connect you.",
    "Hello, I am the assistant of {}. What is your call about?",
    "Please state your name and the reason of your call.",
    "Before I connect you, may I ask who is calling?",
    "The person you are calling does not take calls from unknown numbers. Please say who you are.",
    "Hello, this is the virtual assistant of {}. How may I help you?",
];

/// A text with a name in it.
pub(super) fn fill(dice: &mut Dice, texts: &[&str]) -> String {
    dice.pick(texts).replace("{}", dice.pick(NAMES))
}

/// What somebody says who picks up.
pub(super) fn hello(dice: &mut Dice) -> (&'static str, String) {
    match dice.below(100) {
        0..45 => ("hello", fill(dice, HELLOS)),
        45..73 => ("named", fill(dice, NAMED)),
        73..98 => ("question", fill(dice, QUESTIONS)),
        _ => ("business", fill(dice, BUSINESS)),
    }
}

/// What a machine says; short greetings are rare.
pub(super) fn greeting(dice: &mut Dice) -> (&'static str, String) {
    if dice.percent(7) { ("short", fill(dice, SHORT_GREETINGS)) } else { ("long", fill(dice, GREETINGS)) }
}

/// What a screener says.
pub(super) fn screening(dice: &mut Dice) -> String {
    fill(dice, SCREENING)
}

/// Any talk, to be heard through a wall.
pub(super) fn talk(dice: &mut Dice) -> String {
    let (first, second) = (fill(dice, GREETINGS), fill(dice, SCREENING));
    format!("{first} {second}")
}
