/**
 * What the sender of a media stream knows of how it fares.
 *
 * @module
 */

/** Counts since the stream was opened, and its present state. Where W3C's webrtc-stats has a name for it, it has that name and unit. */
export interface MediaSenderStats {
  /** Frames given to the transport. */
  readonly framesSent: number;
  /** Payload bytes of those frames. */
  readonly bytesSent: number;
  /** Datagrams given to the transport, copies and parity included; 0 unless frames travel in datagrams. */
  readonly packetsSent: number;
  /** Frames given up here: {@link framesExpired} and {@link framesOverflowed} together. */
  readonly framesDropped: number;
  /** Frames that were older than `maxLatencyMs` before they had left, or before their arrival was acknowledged. */
  readonly framesExpired: number;
  /** Frames there was no room for. */
  readonly framesOverflowed: number;
  /** Frames that wait for the network. */
  readonly queuedFrames: number;
  /** Bytes of those frames. */
  readonly queuedBytes: number;
  /** How long the oldest of them has waited, in milliseconds. */
  readonly queueDelayMs: number;
  /** Frames that had not arrived at the receiver when it last reported, of those it knew of. Reports come about once a second. */
  readonly packetsLost: number;
  /** The share of frames lost between its last two reports, 0 to 1. */
  readonly fractionLost: number;
  /** Interarrival jitter at the receiver (RFC 3550 §6.4.1), in seconds. */
  readonly jitter: number;
  /** Round trip of the connection, in seconds. */
  readonly roundTripTime: number;
  /**
   * What the path of the connection is estimated to carry, all streams together, in bits per second; 0 while nothing is known. What it
   * is worth tells {@link availableBitrateMeasured}.
   */
  readonly availableBitrate: number;
  /**
   * Whether more was sent than the path carried for a round trip within the last ten seconds, so that `availableBitrate` is what it
   * carries. Otherwise that is what it carries at least: who wants to send more has to try.
   */
  readonly availableBitrateMeasured: boolean;
}

/** What `onCongestion` is told. */
export interface CongestionState {
  /** Whether the stream sends more than arrives in time. */
  readonly congested: boolean;
  /** As {@link MediaSenderStats.availableBitrate}. */
  readonly availableBitrate: number;
  /** As {@link MediaSenderStats.availableBitrateMeasured}. */
  readonly availableBitrateMeasured: boolean;
  /** As {@link MediaSenderStats.queueDelayMs}. */
  readonly queueDelayMs: number;
  /** As {@link MediaSenderStats.framesDropped}. */
  readonly framesDropped: number;
}
