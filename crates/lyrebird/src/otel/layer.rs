//! Gathers spans from the tracing facade and hands the finished ones over. Never waits.

use super::span::{Attributes, Event, Place, Span, now_ns};
use metrics::counter;
use tokio::sync::mpsc;
use tracing::span::{Attributes as Given, Id, Record};
use tracing::{Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// The layer.
pub(super) struct Spans {
    finished: mpsc::Sender<Span>,
}

impl Spans {
    pub(super) const fn new(finished: mpsc::Sender<Span>) -> Self {
        Self { finished }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Spans {
    fn on_new_span(&self, given: &Given<'_>, id: &Id, context: Context<'_, S>) {
        let Some(new) = context.span(id) else { return };
        let parent = new.parent().and_then(|parent| place(&context, &parent.id()));
        let mut span = Span::begin(new.name(), parent);
        given.record(&mut span.attributes);
        new.extensions_mut().insert(span);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(known) = context.span(id) else { return };
        if let Some(span) = known.extensions_mut().get_mut::<Span>() {
            values.record(&mut span.attributes);
        }
    }

    fn on_follows_from(&self, id: &Id, earlier: &Id, context: Context<'_, S>) {
        let (Some(known), Some(earlier)) = (context.span(id), place(&context, earlier)) else { return };
        if let Some(span) = known.extensions_mut().get_mut::<Span>() {
            span.follows(earlier);
        }
    }

    fn on_event(&self, event: &tracing::Event<'_>, context: Context<'_, S>) {
        let Some(around) = context.event_span(event) else { return };
        let mut attributes = Attributes::default();
        event.record(&mut attributes);
        let name = attributes.take_text("message").unwrap_or_else(|| event.metadata().name().to_owned());
        if let Some(span) = around.extensions_mut().get_mut::<Span>() {
            span.failed |= *event.metadata().level() == Level::ERROR;
            span.happened(Event { at_ns: now_ns(), name, attributes });
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(mut span) = context.span(&id).and_then(|closed| closed.extensions_mut().remove::<Span>())
        else {
            return;
        };
        span.ended_ns = now_ns();
        if self.finished.try_send(span).is_err() {
            counter!("lyrebird_otel_spans_total", "outcome" => "dropped").increment(1);
        }
    }
}

fn place<S: Subscriber + for<'a> LookupSpan<'a>>(context: &Context<'_, S>, id: &Id) -> Option<Place> {
    context.span(id)?.extensions().get::<Span>().map(|span| span.place)
}
