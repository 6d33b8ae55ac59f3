/** Requests, answers, connections and watches, as the front ends count them. */
import { durationBounds, tellDurations } from './distributions.ts';
import type { Exposition } from './exposition.ts';
import { Counter, type FrontEndMetrics } from './front-end-metrics.ts';
import { HistogramReading } from './histogram.ts';
import { OPERATION_NAMES } from './operation.ts';
import { type ServerReading, successDurations, sumOf } from './server-reading.ts';

/** From 1/16 of a millisecond to 8 seconds: answers take less than etcd's first bound as a rule. */
const REQUEST_BOUNDS = durationBounds(1 / 16, 18);

export function tellRequests(page: Exposition, { frontEnds }: ServerReading): void {
  page.histogram(
    'uetcd_request_duration_seconds',
    'Time from when a whole request was there until the answer of the store was, by operation and outcome; of a watch, ' +
      'until it was opened or answered from the history.',
  );
  for (const { operation, name } of OPERATION_NAMES) {
    const success = successDurations(frontEnds, operation);
    if (success.count > 0) tellDurations(page, success, REQUEST_BOUNDS, { operation: name, outcome: 'success' });
    const failure = new HistogramReading();
    for (const frontEnd of frontEnds) failure.add(frontEnd.failureDurations(operation));
    if (failure.count > 0) tellDurations(page, failure, REQUEST_BOUNDS, { operation: name, outcome: 'failure' });
  }
  page
    .counter(
      'uetcd_requests_refused_total',
      'Requests that were refused for their grammar (of those on the key space), for want of a right, or because there were too many.',
    )
    .sample(sumOf(frontEnds, Counter.refused), { reason: 'grammar' })
    .sample(sumOf(frontEnds, Counter.denied), { reason: 'rights' })
    .sample(sumOf(frontEnds, Counter.tooManyPasswords), { reason: 'passwords' })
    .sample(sumOf(frontEnds, Counter.tooManyWatchers), { reason: 'watchers' })
    .sample(sumOf(frontEnds, Counter.tooManyClientWatchers), { reason: 'client_watchers' })
    .sample(sumOf(frontEnds, Counter.tooManyRequests), { reason: 'requests' })
    .sample(sumOf(frontEnds, Counter.tooManyBodyBytes), { reason: 'body_bytes' })
    .sample(sumOf(frontEnds, Counter.tooManyAnswerBytes), { reason: 'answer_bytes' })
    .sample(refusedForMemory(frontEnds), { reason: 'memory' });
  page
    .counter('uetcd_requests_abandoned_total', 'Requests whose client went away before their answer was there.')
    .sample(sumOf(frontEnds, Counter.abandoned));
  page
    .counter(
      'uetcd_answers_cut_total',
      'Large answers cut off before their end: their reader took nothing for too long, or went away.',
    )
    .sample(sumOf(frontEnds, Counter.largeAnswersStalled), { reason: 'stalled' })
    .sample(sumOf(frontEnds, Counter.largeAnswersLeft), { reason: 'client_gone' });
  page
    .counter('uetcd_gzip_answers_total', 'Listings that were compressed.')
    .sample(sumOf(frontEnds, Counter.gzipAnswers));
  page
    .counter('uetcd_gzip_in_bytes_total', 'What went into the compression of listings.')
    .sample(sumOf(frontEnds, Counter.gzipInBytes));
  page.counter('uetcd_gzip_out_bytes_total', 'What came out of it.').sample(sumOf(frontEnds, Counter.gzipOutBytes));
  page
    .counter('uetcd_requests_slow_total', 'Answers that took --slow-request-ms or longer.')
    .sample(sumOf(frontEnds, Counter.slow));
  page
    .counter('uetcd_kept_reads_total', 'Reads answered without the store, from an answer of it that still holds.')
    .sample(sumOf(frontEnds, Counter.keptReads));
  page
    .gauge('uetcd_requests_in_flight', 'Requests that wait for their answer, this scrape among them.')
    .sample(sumOf(frontEnds, Counter.inFlight));
  page
    .gauge('uetcd_body_bytes', 'What forms take that came in pieces, until their requests are answered.')
    .sample(sumOf(frontEnds, Counter.bodyBytes));
  page
    .gauge('uetcd_answer_bytes', 'What large answers take, until their readers have them.')
    .sample(sumOf(frontEnds, Counter.answerBytes));
  page.gauge('uetcd_connections', 'Open connections of clients.').sample(sumOf(frontEnds, Counter.connections));
  page
    .counter(
      'uetcd_connections_refused_total',
      'Connections that were closed with a 503: there were as many as may be.',
    )
    .sample(sumOf(frontEnds, Counter.tooManyConnections));
  page
    .gauge('uetcd_requests_queued', 'Commands that wait for room in the request ring.')
    .sample(sumOf(frontEnds, Counter.queued));
  page
    .counter('uetcd_watch_events_sent_total', 'Events sent, counted once for each watcher.')
    .sample(sumOf(frontEnds, Counter.eventsSent));
  page
    .counter('uetcd_slow_watchers_closed_total', 'Streams that were closed because their client fell too far behind.')
    .sample(sumOf(frontEnds, Counter.slowWatchersClosed));
}

/** Writes for which there was no memory. */
function refusedForMemory(frontEnds: readonly FrontEndMetrics[]): number {
  const refused = frontEnds.flatMap((frontEnd) => frontEnd.failedCounts()).filter(({ status }) => status === 507);
  return refused.reduce((sum, { count }) => sum + count, 0);
}
