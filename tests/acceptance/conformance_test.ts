/**
 * The conformance suites, one test a case: `suite: case`. They are arranged as Connect's, so that a reader can compare them.
 * Source: https://github.com/connectrpc/conformance/tree/main/internal/app/connectconformance/testsuites
 *
 * @module
 */

import { testOverNetworks } from "../support/networks.ts";
import { type ConformanceCase, runCase } from "./conformance_case.ts";
import { BASIC } from "./suites/basic.ts";
import { ERRORS } from "./suites/errors.ts";

const SUITES: Readonly<Record<string, readonly ConformanceCase[]>> = {
  "Basic": BASIC,
  "Errors": ERRORS,
};

for (const [suite, cases] of Object.entries(SUITES)) {
  for (const one of cases) {
    testOverNetworks(`${suite}: ${one.name}`, (network) => runCase(network, one));
  }
}
