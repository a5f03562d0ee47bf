/**
 * The conformance suites, one test a case: `suite: case`. They are arranged as Connect's, so that a reader can compare them.
 * Source: https://github.com/connectrpc/conformance/tree/main/internal/app/connectconformance/testsuites
 *
 * @module
 */

import { testOverNetworks } from "../support/networks.ts";
import { type ConformanceCase, runCase } from "./conformance_case.ts";
import { type RawAnswerCase, runRawAnswerCase } from "./raw_answer_case.ts";
import { BASIC } from "./suites/basic.ts";
import { CLIENT_CANCELLATION } from "./suites/client_cancellation.ts";
import { DEADLINE_PROPAGATION } from "./suites/deadline_propagation.ts";
import { DUPLICATE_METADATA } from "./suites/duplicate_metadata.ts";
import { END_STREAM } from "./suites/end_stream.ts";
import { EMPTY_MESSAGES } from "./suites/empty_messages.ts";
import { ERRORS } from "./suites/errors.ts";
import { MESSAGE_SIZE } from "./suites/message_size.ts";
import { TIMEOUTS } from "./suites/timeouts.ts";
import { UNEXPECTED_RESPONSES } from "./suites/unexpected_responses.ts";

const SUITES: Readonly<Record<string, readonly ConformanceCase[]>> = {
  "Basic": BASIC,
  "Client Cancellation": CLIENT_CANCELLATION,
  "Errors": ERRORS,
  "Timeouts": TIMEOUTS,
  "Deadline Propagation": DEADLINE_PROPAGATION,
  "Duplicate Metadata": DUPLICATE_METADATA,
  "Message Size": MESSAGE_SIZE,
  "Client and Server Empty": EMPTY_MESSAGES,
};

/** Suites whose server is told byte by byte what to answer. */
const RAW_SUITES: Readonly<Record<string, readonly RawAnswerCase[]>> = {
  "Unexpected Responses": UNEXPECTED_RESPONSES,
  "End-Stream": END_STREAM,
};

for (const [suite, cases] of Object.entries(SUITES)) {
  for (const one of cases) {
    testOverNetworks(`${suite}: ${one.name}`, (network) => runCase(network, one));
  }
}

for (const [suite, cases] of Object.entries(RAW_SUITES)) {
  for (const one of cases) {
    testOverNetworks(`${suite}: ${one.name}`, (network) => runRawAnswerCase(network, one));
  }
}
