/**
 * What only a connection needs, which is two thirds of this package. It is loaded when the first one is made: see `loading.ts`.
 *
 * @module
 */

import { Connection } from "../connection/connection.ts";
import { dial } from "../connection/dial.ts";
import { nativeTransport } from "../connection/native.ts";
import { Session } from "../session.ts";
import { provide } from "./loading.ts";

provide({ Connection, dial, nativeTransport, Session });
