import type { Clock } from '../base/clock.ts';
import { type Log, silentLog } from '../base/log.ts';
import type { TransferRequest } from '../transfer/axfr-out.ts';
import { FLAG, OPCODE_SHIFT } from '../wire/header.ts';
import { QueryView, VERDICT } from '../wire/query-view.ts';
import { CLASS, OPCODE, RCODE, TYPE } from '../wire/type-codes.ts';
import { HEAD, type Arena } from '../zone/store/arena.ts';
import { VERSION } from '../zone/store/version.ts';
import { AnswerCache, type AnswerFacts, CACHED } from './answer-cache.ts';
import { NO_KEY } from './address-match.ts';
import { addChaosSoa, addChaosText, asksChaosText } from './chaos-answer.ts';
import { CHAOS, chaosName, chaosTexts } from './chaos.ts';
import { type CompiledTables, compileTables } from './compiled-tables.ts';
import { COOKIE } from './cookies.ts';
import { EDE, EdnsAnswer } from './edns-answer.ts';
import { ixfrSerial } from './ixfr-serial.ts';
import { countEdns, countFailure, countOutcome, countRejection, countRequest, countResponse } from './query-counts.ts';
import { RATE } from './rate-limit.ts';
import { ResponseBuilder } from './response-builder.ts';
import type { AnswerLimits, ServerTables, TransferOver } from './server-tables.ts';
import { COUNTER, type CounterRow } from './statistics.ts';
import { TransactionKeys } from './transaction-keys.ts';
import { ViewLimits } from './view-limits.ts';
import { OUTCOME, OUTCOME_RCODE, type Question, ZoneAnswerer } from './zone-answer.ts';

/** What `Answerer.answer` returns instead of a length. */
export const ANSWER = {
  /** Nothing is sent. */
  DROP: 0,
  /** Another opcode than QUERY that somebody may serve: for the control thread. */
  TO_CONTROL: -1,
  /** A transfer over TCP; `Answerer.transfer` says of what. */
  TRANSFER: -2,
} as const;

/** Who asks, filled by the endpoint before each call. */
export interface ClientContext {
  address: Uint8Array;
  addressAt: number;
  /** 4 or 16 */
  addressLength: number;
  /** The address asked, 4 or 16 octets. */
  destination: Uint8Array;
  /** All of the buffers that the query and the place for its answer are part of, where they are known. */
  queryWhole?: DataView;
  answerWhole?: DataView;
  /** The port asked, where transfers depend on it. */
  localPort?: number;
  /** Over any stream: TCP, TLS or HTTPS. */
  overTcp: boolean;
  /** Over TLS or HTTPS. */
  encrypted: boolean;
  /** What a connection may stay idle, in units of 100 ms, for edns-tcp-keepalive (RFC 7828); 0: nothing is said of it. */
  keepaliveTimeout: number;
  /** Unix time in seconds, taken once a batch. */
  now: number;
}

/** A transfer that was asked for and is allowed. */
export interface AllowedTransfer {
  readonly apex: Uint8Array;
  readonly slot: number;
  readonly type: 'AXFR' | 'IXFR';
  readonly request: TransferRequest;
  /** That the client of an IXFR has. */
  readonly serial: number | undefined;
  /** Index in ServerTables.keys of the key that signed the request, or NO_KEY. */
  readonly key: number;
  /** As ZoneTable.counters, or -1. */
  readonly counters: number;
}

/** Inside of Answerer: a response code that stands for ANSWER.DROP, which is 0 as NOERROR is. */
const DROPPED = -100;

/**
 * Turns the octets of a query into the octets of its answer. One object a thread; queries allocate nothing unless they
 * are signed, ask for a transfer, or ask for class CH. Any octets get an answer or none, never an exception.
 */
export class Answerer {
  readonly #query = new QueryView();
  readonly #builder = new ResponseBuilder();
  readonly #zones: ZoneAnswerer;
  readonly #arena: Arena;
  readonly #counters: CounterRow;
  readonly #question: Question = {
    type: 0,
    dnssecOk: false,
    overTcp: false,
    omitAuthority: false,
    omitAdditional: false,
    minimalAny: false,
  };
  readonly #transactions: TransactionKeys;
  readonly #edns: EdnsAnswer;
  readonly #rates: ViewLimits;
  #compiled!: CompiledTables;
  #chaos: readonly (Uint8Array | undefined)[] = [];
  #deniedTransfer = false;
  /** Index of the view of the message answered last, or -1. */
  #view = -1;
  #transfer: AllowedTransfer | undefined;
  // Of the query being answered:
  #octets!: Uint8Array;
  #client!: ClientContext;
  #key = NO_KEY;
  #flags = 0;
  #ede: number = EDE.NONE;
  #limits!: AnswerLimits;
  /** OUTCOME of the zone that was asked, or -1. */
  #outcome = -1;
  /** Where answers do not depend on who asks. */
  #cache: AnswerCache | undefined;
  readonly #answers: AnswerCache | undefined;
  readonly #facts: AnswerFacts = { slot: 0, version: 0, versionId: 0, type: 0, outcome: 0, flags: 0, zone: 0 };

  constructor(
    tables: ServerTables,
    dependencies: {
      readonly arena: Arena;
      readonly counters: CounterRow;
      readonly clock: Clock;
      /** Told of limits on the rate of answers. */
      readonly log?: Log;
      /** Octets for answers that are kept: a power of two, or 0. */
      readonly cacheOctets?: number;
    },
  ) {
    const { arena, cacheOctets = 0 } = dependencies;
    this.#answers = cacheOctets === 0 ? undefined : new AnswerCache(cacheOctets, arena.u32[HEAD.HASH_SEED]);
    this.#edns = new EdnsAnswer(dependencies.counters);
    this.#rates = new ViewLimits({ arena: dependencies.arena, log: dependencies.log ?? silentLog });
    this.#arena = dependencies.arena;
    this.#query.name.seed = dependencies.arena.u32[HEAD.HASH_SEED];
    this.#counters = dependencies.counters;
    this.#zones = new ZoneAnswerer(dependencies.arena, this.#builder);
    this.#transactions = new TransactionKeys(dependencies.clock);
    this.setTables(tables);
  }

  /**
   * Answers from these tables from now on.
   * @throws SignetError KEY_UNKNOWN when a match list names a key that the tables lack, TSIG_ALGORITHM_UNKNOWN; then
   *   nothing changes
   */
  setTables(tables: ServerTables): void {
    const compiled = compileTables(tables, this.#query.name.seed);
    this.#transactions.setKeys(tables.keys);
    this.#compiled = compiled;
    this.#answers?.clear();
    this.#cache = isSameForAll(compiled) ? this.#answers : undefined;
    this.#counters.setZoneBlocks(tables.zoneCounters ?? []);
    this.#chaos = chaosTexts(tables.identity);
    this.#edns.setTables(tables);
    this.#rates.setViews(compiled.views);
  }

  get tables(): ServerTables {
    return this.#compiled.tables;
  }

  /** The parsed form of the message answered last, for logs. */
  get query(): QueryView {
    return this.#query;
  }

  /** Name of the view that the message answered last was for; undefined before a view was found, and for the only one. */
  get viewName(): string | undefined {
    const name = this.#view < 0 ? undefined : this.#compiled.tables.views[this.#view].name;
    return name === '_default' ? undefined : name;
  }

  /** Name of the key that the message answered last is signed with. */
  get keyName(): string | undefined {
    return this.#transactions.keyName;
  }

  /** Why the signature of the message answered last was not taken; undefined when it was, or when there is none. */
  get signatureFailure(): string | undefined {
    return this.#transactions.failure;
  }

  /** True when the message answered last asked for a transfer that allow-transfer denies. */
  get deniedTransfer(): boolean {
    return this.#deniedTransfer;
  }

  /** After ANSWER.TRANSFER: what was asked for. */
  get transfer(): AllowedTransfer | undefined {
    return this.#transfer;
  }

  /** Signs the messages of the transfer asked for last; undefined when the request was not signed. */
  transferSigner(): ((message: Uint8Array) => Uint8Array) | undefined {
    return this.#transactions.streamSigner();
  }

  /**
   * The answer to a query that came before in the very same octets; it needs nothing but the same version of the zone.
   * @returns its length, or 0 when it has to be made
   */
  #repeat(cache: AnswerCache, octets: Uint8Array, length: number, out: Uint8Array): number {
    const { queryWhole, answerWhole } = this.#client;
    if (!cache.find(octets, length, queryWhole ?? new DataView(octets.buffer))) return 0;
    const { facts } = cache;
    const { u32 } = this.#arena;
    const version = Atomics.load(u32, facts.slot);
    if (version !== facts.version || u32[version + VERSION.ID] !== facts.versionId) return 0;
    this.#view = 0;
    const { message } = this.#builder;
    message.writeTo(out, answerWhole);
    const answered = message.whole(cache);
    out[0] = octets[0];
    out[1] = octets[1];
    this.#countRepeated(facts, length, answered, out[3] & 15);
    return answered;
  }

  #countRepeated({ type, outcome, flags, zone }: AnswerFacts, length: number, answered: number, rcode: number): void {
    const counters = this.#counters;
    const isIPv6 = this.#client.addressLength === 16;
    countRequest(counters, length, false, isIPv6);
    counters.addOpcode(OPCODE.QUERY);
    counters.addQueryType(type);
    const zones = this.#compiled.views[0].counters;
    const isAuthoritative = (flags & CACHED.AUTHORITATIVE) !== 0;
    countOutcome(counters, outcome, isAuthoritative, false, type, zones === undefined ? -1 : zones[zone]);
    countResponse(counters, rcode, answered, false, isIPv6);
    if ((flags & CACHED.TRUNCATED) !== 0) counters.add(COUNTER.TruncatedResp);
    if ((flags & CACHED.EDNS) === 0) return;
    counters.add(COUNTER.ReqEdns0);
    counters.add(COUNTER.RespEDNS0);
  }

  /** Keeps an answer that anybody gets who sends the same octets. */
  #keep(cache: AnswerCache, length: number, out: Uint8Array, answered: number): void {
    const query = this.#query;
    const outcome = this.#outcome;
    // Names that are not there are asked for by floods, and by resolvers once; the others are what is asked for again.
    if (outcome !== OUTCOME.SUCCESS && outcome !== OUTCOME.NXRRSET && outcome !== OUTCOME.REFERRAL) return;
    if (query.optionsEnd !== query.optionsAt || this.#transactions.active || this.#ede !== EDE.NONE) return;
    if (this.#builder.dependsOnFamily) return;
    const { zone, version, versionId, authoritative } = this.#zones;
    const view = this.#compiled.views[0];
    if (!view.allowQuery[zone].acceptsAll || view.allowQueryOn !== undefined) return;
    const facts = this.#facts;
    facts.slot = view.slots[zone];
    facts.version = version;
    facts.versionId = versionId;
    facts.type = query.type;
    facts.outcome = outcome;
    facts.flags =
      (query.hasEdns ? CACHED.EDNS : 0) |
      (this.#builder.truncated ? CACHED.TRUNCATED : 0) |
      (authoritative ? CACHED.AUTHORITATIVE : 0);
    facts.zone = zone;
    cache.keep(this.#octets, length, out, answered, facts);
  }

  /**
   * @param octets the message is octets[0, length)
   * @param out where the answer is written, from 0; at least 512 octets
   * @returns octets of the answer, or one of ANSWER
   */
  answer(octets: Uint8Array, length: number, out: Uint8Array, client: ClientContext): number {
    this.#octets = octets;
    this.#client = client;
    const cache = client.overTcp ? undefined : this.#cache;
    if (cache !== undefined) {
      const repeated = this.#repeat(cache, octets, length, out);
      if (repeated > 0) return repeated;
      this.#outcome = -1;
    }
    this.#key = NO_KEY;
    this.#ede = EDE.NONE;
    this.#transfer = undefined;
    this.#deniedTransfer = false;
    this.#view = -1;
    this.#transactions.begin();
    const verdict = this.#query.parse(octets, length);
    if (verdict === VERDICT.DROP) {
      this.#counters.add(COUNTER.QryDropped);
      return ANSWER.DROP;
    }
    this.#countRequest(verdict, length);
    this.#limits = this.#compiled.tables.limits;
    this.#edns.begin(this.#query, client);
    if (this.#query.opcode !== OPCODE.QUERY) return this.#otherOpcode(out);
    this.#beginAnswer(out, this.#query.nameLength > 0);
    let rcode: number;
    if (verdict === VERDICT.FORMERR && !this.#onlyAsksCookie) rcode = RCODE.FORMERR;
    // RFC 6891 section 6.1.3: a version above ours is answered by ours.
    else if (this.#query.hasEdns && this.#query.ednsVersion !== 0) rcode = RCODE.BADVERS;
    else if (this.#onlyAsksCookie) rcode = RCODE.NOERROR;
    else rcode = this.#answerQuery(length);
    if (rcode === DROPPED) return ANSWER.DROP;
    if (rcode < 0) return rcode;
    const answered = this.#finish(rcode);
    if (cache !== undefined) this.#keep(cache, length, out, answered);
    return answered;
  }

  /** RFC 7873 section 5.4: no question, but a cookie that we answer. */
  get #onlyAsksCookie(): boolean {
    return this.#query.onlyAsksCookie && this.#edns.cookie !== COOKIE.NONE;
  }

  /** NOTIFY and UPDATE go to the control thread; the rest is not implemented (RFC 1035 section 4.1.1). */
  #otherOpcode(out: Uint8Array): number {
    const { opcode } = this.#query;
    if (opcode === OPCODE.NOTIFY || opcode === OPCODE.UPDATE) return ANSWER.TO_CONTROL;
    this.#beginAnswer(out, false);
    return this.#finish(RCODE.NOTIMP);
  }

  /** @returns a response code, or one of ANSWER below 0 */
  #answerQuery(length: number): number {
    const query = this.#query;
    if (query.tsigAt > 0) {
      this.#counters.add(COUNTER.ReqTSIG);
      const rcode = this.#transactions.verify(this.#octets, length);
      if (rcode !== RCODE.NOERROR) {
        this.#counters.add(COUNTER.ReqBadSIG);
        this.#view = this.#selectView();
        return rcode;
      }
      this.#key = this.#transactions.key;
      this.#reserve();
    }
    if (query.class === CLASS.CH) return this.#answerChaos();
    const refusal = refusedClass(query.class);
    if (refusal !== RCODE.NOERROR) {
      this.#ede = refusal === RCODE.REFUSED ? EDE.PROHIBITED : EDE.NONE;
      return refusal;
    }
    const view = this.#selectView();
    this.#view = view;
    if (view < 0) {
      this.#ede = EDE.PROHIBITED;
      return RCODE.REFUSED;
    }
    this.#useLimits(this.#compiled.views[view].limits);
    this.#counters.addQueryType(query.type);
    if (this.#lacksCookie()) return RCODE.BADCOOKIE;
    if (query.type === TYPE.AXFR || query.type === TYPE.IXFR) return this.#limitError(view, this.#answerTransfer(view));
    const unasked = metaTypeRcode(query.type);
    const rcode = unasked === RCODE.NOERROR ? this.#answerFromZones(view) : this.#limitError(view, unasked);
    if (rcode !== DROPPED) countFailure(this.#counters, rcode);
    return rcode;
  }

  /** The client shall come back with a cookie of ours (RFC 7873 section 5.2.3); who knows no cookies is let in. */
  #lacksCookie(): boolean {
    if (!this.#limits.requireServerCookie || this.#client.overTcp) return false;
    if (this.#edns.cookie === COOKIE.NONE || this.#edns.cookie === COOKIE.GOOD) return false;
    this.#counters.add(COUNTER.QryBADCOOKIE);
    return true;
  }

  /** Limits of the view in place of those that the answer was begun with. */
  #useLimits(limits: AnswerLimits): void {
    if (limits === this.#limits) return;
    this.#limits = limits;
    this.#largest = this.#largestAnswer(this.#builder.message.octets);
    this.#reserve();
  }

  /** `rate-limit` for answers that come from no zone. @returns the response code, or DROPPED */
  #limitError(view: number, rcode: number): number {
    if (rcode <= RCODE.NOERROR || !this.#rates.isLimited(view)) return rcode;
    const verdict = this.#rates.checkError(view, rcode, this.#client, this.#key);
    return verdict === RATE.PASS ? rcode : this.#drop();
  }

  /** `rate-limit` for an answer from a zone. @returns the response code, BADCOOKIE, or DROPPED */
  #limitRate(view: number, outcome: number, rcode: number): number {
    if (!this.#rates.isLimited(view)) return rcode;
    const { zone } = this.#zones;
    const isKnown = this.#edns.cookie === COOKIE.GOOD;
    const verdict = this.#rates.checkAnswer(
      view,
      this.#query,
      this.#builder,
      outcome,
      rcode,
      zone,
      isKnown,
      this.#client,
      this.#key,
    );
    if (verdict === RATE.PASS) return rcode;
    return verdict === RATE.DROP ? this.#drop() : this.#slip();
  }

  #drop(): number {
    this.#counters.add(COUNTER.RateDropped);
    this.#counters.add(COUNTER.QryDropped);
    return DROPPED;
  }

  /** The question alone, with TC for a real client to come back over TCP, or with the cookie to come back with. */
  #slip(): number {
    this.#counters.add(COUNTER.RateSlipped);
    const authoritative = this.#flags & FLAG.AA;
    this.#beginAnswer(this.#builder.message.octets, true);
    this.#ede = EDE.NONE;
    if (this.#edns.cookie !== COOKIE.NONE) return RCODE.BADCOOKIE;
    this.#flags |= authoritative;
    this.#builder.truncated = true;
    return this.#rates.isNameError ? RCODE.NXDOMAIN : RCODE.NOERROR;
  }

  /** @returns an OUTCOME */
  #askZones(view: number): number {
    const client = this.#client;
    return this.#zones.answer(
      this.#compiled.views[view],
      this.#octets,
      this.#query.nameAt,
      this.#query.name,
      this.#question,
      client.address,
      client.addressAt,
      client.addressLength,
      this.#key,
    );
  }

  #answerFromZones(view: number): number {
    this.#describeQuestion();
    const isElsewhere = this.#isAskedElsewhere(view);
    const outcome = isElsewhere ? OUTCOME.DENIED : this.#askZones(view);
    if (!isElsewhere && this.#zones.authoritative) this.#flags |= FLAG.AA;
    if (outcome === OUTCOME.NOT_AUTHORITATIVE) this.#ede = EDE.NOT_AUTHORITATIVE;
    else if (outcome === OUTCOME.DENIED) this.#ede = EDE.PROHIBITED;
    else if (outcome === OUTCOME.NOT_LOADED) this.#ede = EDE.NOT_READY;
    else if (outcome === OUTCOME.TOO_MANY_RESTARTS) this.#ede = EDE.OTHER;
    const rcode = OUTCOME_RCODE[outcome];
    this.#outcome = outcome;
    const limited = this.#limitRate(view, outcome, rcode);
    if (limited === rcode) this.#countOutcome(view, outcome);
    return limited;
  }

  /** allow-query-on does not have the address that was asked. */
  #isAskedElsewhere(view: number): boolean {
    const { allowQueryOn, index } = this.#compiled.views[view];
    if (allowQueryOn === undefined) return false;
    const zone = index.find(this.#octets, this.#query.nameAt, this.#query.type === TYPE.DS);
    if (zone < 0) return false;
    const { destination } = this.#client;
    return allowQueryOn[zone]?.accepts(destination, 0, destination.length, this.#key) === false;
  }

  /** What is left out of an answer, as BIND 9.18 decides it. */
  #describeQuestion(): void {
    const query = this.#query;
    const question = this.#question;
    const { minimalAny, minimalResponses } = this.#limits;
    const recursive = (query.flags & FLAG.RD) !== 0;
    question.type = query.type;
    question.dnssecOk = query.dnssecOk;
    question.overTcp = this.#client.overTcp;
    question.minimalAny = minimalAny;
    question.omitAuthority =
      minimalResponses === 'yes' ||
      minimalResponses === 'no-auth' ||
      (minimalResponses === 'no-auth-recursive' && recursive);
    question.omitAdditional = minimalResponses === 'yes';
    if (query.type === TYPE.NS) question.omitAuthority = question.omitAdditional = false;
    if (query.type === TYPE.ANY) question.omitAdditional = true;
    if (this.#wantsLittle()) question.omitAuthority = question.omitAdditional = true;
  }

  /** Keys and their digests are large and nobody who asks for them wants more; nor do those with small buffers. */
  #wantsLittle(): boolean {
    const { type, hasEdns, udpSize } = this.#query;
    const overUdp = !this.#client.overTcp;
    if (type === TYPE.DNSKEY || type === TYPE.DS || type === TYPE.CDS || type === TYPE.CDNSKEY) return true;
    if (type === TYPE.KEY) return true;
    return overUdp && ((type === TYPE.ANY && this.#question.minimalAny) || (hasEdns && udpSize <= 512));
  }

  /** First view that the client, the address it asked and its RD flag match, or -1. */
  #selectView(): number {
    const { address, addressAt, addressLength, destination } = this.#client;
    const { views } = this.#compiled;
    for (let i = 0; i < views.length; i++) {
      const view = views[i];
      if (view.matchRecursiveOnly && (this.#query.flags & FLAG.RD) === 0) continue;
      if (!view.matchClients.accepts(address, addressAt, addressLength, this.#key)) continue;
      if (view.matchDestinations.accepts(destination, 0, destination.length, this.#key)) return i;
    }
    return -1;
  }

  #answerTransfer(view: number): number {
    const query = this.#query;
    const compiled = this.#compiled.views[view];
    const { address, addressAt, addressLength, overTcp } = this.#client;
    const zone = compiled.index.findName(query.name, false);
    if (zone < 0 || compiled.apexes[zone].length !== query.nameLength) return RCODE.NOTAUTH;
    const { transferOver } = this.#compiled.tables.views[view].zones[zone];
    const isAllowed = compiled.allowTransfer[zone].accepts(address, addressAt, addressLength, this.#key);
    if (!isAllowed || !isTransferredOver(transferOver, this.#client)) {
      this.#counters.add(COUNTER.XfrRej);
      if (compiled.counters !== undefined && compiled.counters[zone] >= 0)
        this.#counters.addForZone(compiled.counters[zone], COUNTER.XfrRej);
      this.#deniedTransfer = true;
      this.#ede = EDE.PROHIBITED;
      return RCODE.REFUSED;
    }
    const slot = compiled.slots[zone];
    if (Atomics.load(this.#arena.u32, slot) === 0) {
      this.#ede = EDE.NOT_READY;
      return RCODE.SERVFAIL;
    }
    if (query.type === TYPE.AXFR && !overTcp) return RCODE.FORMERR; // RFC 5936 section 4.2: TCP only
    const serial = query.type === TYPE.IXFR ? ixfrSerial(query) : undefined;
    // RFC 1995 section 3: the SOA in the authority section tells what the client has.
    if (query.type === TYPE.IXFR && serial === undefined) return RCODE.FORMERR;
    if (!overTcp) return this.#answerIxfrOverUdp(view);
    const type = query.type === TYPE.AXFR ? 'AXFR' : 'IXFR';
    const request = this.#transferRequest();
    const counters = compiled.counters === undefined ? -1 : compiled.counters[zone];
    this.#transfer = { apex: compiled.apexes[zone], slot, type, request, serial, key: this.#key, counters };
    return ANSWER.TRANSFER;
  }

  /** A copy: the query's octets are gone when the transfer runs. */
  #transferRequest(): TransferRequest {
    const { nameAt, nameLength, hasEdns, dnssecOk, wantsRecursion } = this.#query;
    const { ednsUdpSize } = this.#limits;
    return {
      name: this.#octets.slice(nameAt, nameAt + nameLength),
      recursionDesired: wantsRecursion,
      edns: hasEdns ? { udpSize: ednsUdpSize, dnssecOk } : undefined,
    };
  }

  /** RFC 1995 section 4: the SOA alone tells the client to come back over TCP, or that it is up to date. */
  #answerIxfrOverUdp(view: number): number {
    this.#describeQuestion();
    this.#question.type = TYPE.SOA;
    this.#question.dnssecOk = false;
    this.#builder.withSignatures = false;
    this.#question.omitAuthority = this.#question.omitAdditional = true;
    const outcome = this.#askZones(view);
    this.#flags |= FLAG.AA;
    return OUTCOME_RCODE[outcome];
  }

  #answerChaos(): number {
    const query = this.#query;
    this.#counters.addQueryType(query.type);
    if (this.#lacksCookie()) return RCODE.BADCOOKIE;
    const which = chaosName(this.#octets, query.nameAt, query.nameLength);
    if (which === CHAOS.NONE) {
      countRejection(this.#counters, query.wantsRecursion);
      countFailure(this.#counters, RCODE.REFUSED);
      this.#ede = EDE.NOT_AUTHORITATIVE;
      return RCODE.REFUSED;
    }
    this.#flags |= FLAG.AA;
    const text = this.#chaos[which];
    const isText = text !== undefined && asksChaosText(query.type);
    const outcome = isText ? OUTCOME.SUCCESS : OUTCOME.NXRRSET;
    countOutcome(this.#counters, outcome, true, this.#client.overTcp, query.type, -1);
    this.#describeQuestion();
    if (isText) addChaosText(this.#builder, query, text, this.#question.omitAuthority);
    else addChaosSoa(this.#builder, query);
    return RCODE.NOERROR;
  }

  #beginAnswer(out: Uint8Array, withQuestion: boolean): void {
    const query = this.#query;
    this.#largest = this.#largestAnswer(out);
    this.#builder.begin(out, this.#largest, query.dnssecOk, this.#client.answerWhole);
    this.#flags = FLAG.QR | (query.opcode << OPCODE_SHIFT) | (query.flags & (FLAG.RD | FLAG.CD));
    const { queryWhole } = this.#client;
    const { message } = this.#builder;
    if (withQuestion && queryWhole !== undefined) message.repeatQuestion(this.#octets, queryWhole, query.questionEnd);
    else if (withQuestion) message.question(this.#octets, query.nameAt, query.type, query.class);
    this.#reserve();
  }
  #largest = 0;

  #largestAnswer(out: Uint8Array): number {
    if (this.#client.overTcp) return Math.min(out.length, 65_535);
    const { maxUdpSize, nocookieUdpSize } = this.#limits;
    const mostOverUdp = this.#edns.cookie === COOKIE.GOOD ? maxUdpSize : Math.min(maxUdpSize, nocookieUdpSize);
    return Math.min(out.length, mostOverUdp, this.#query.udpSize);
  }

  /** Keeps room for OPT and TSIG behind the records. */
  #reserve(): void {
    const room = this.#transactions.reserved + this.#edns.reserved(this.#query);
    this.#builder.message.limit = this.#largest - room;
  }

  #finish(rcode: number): number {
    const { message, truncated } = this.#builder;
    message.limit = this.#largest;
    if (this.#query.hasEdns) this.#writeOpt(rcode);
    message.header(this.#query.id, this.#flags | (truncated ? FLAG.TC : 0) | (rcode & 15));
    const plain = message.end();
    const length = this.#transactions.active ? this.#transactions.sign(message.octets, plain) : plain;
    this.#countResponse(rcode, length);
    return length;
  }

  #writeOpt(rcode: number): void {
    const { message } = this.#builder;
    const room = this.#largest - message.at - this.#transactions.reserved;
    const { ednsUdpSize } = this.#limits;
    this.#edns.write(message, this.#query, this.#client, rcode, ednsUdpSize, this.#ede, this.#paddingBlock, room);
  }

  /** RFC 8467 section 4.1: only where both have agreed, and nobody can look in. Signed answers are not padded, as in BIND. */
  get #paddingBlock(): number {
    if (!this.#query.hasPadding || !this.#client.encrypted || this.#view < 0 || this.#transactions.active) return 0;
    const { paddedClients, paddingBlock } = this.#compiled.views[this.#view];
    const { address, addressAt, addressLength } = this.#client;
    return paddedClients?.accepts(address, addressAt, addressLength, this.#key) === true ? paddingBlock : 0;
  }

  #countRequest(verdict: number, length: number): void {
    const counters = this.#counters;
    const query = this.#query;
    const { overTcp, addressLength } = this.#client;
    countRequest(counters, length, overTcp, addressLength === 16);
    // Where the question is malformed there may be no opcode to speak of; without a question there is one.
    if (verdict !== VERDICT.FORMERR || (this.#octets[4] | this.#octets[5]) === 0) counters.addOpcode(query.opcode);
    if (verdict !== VERDICT.FORMERR && query.hasEdns && query.ednsVersion === 0) countEdns(counters, query);
  }

  #countOutcome(view: number, outcome: number): void {
    const counters = this.#counters;
    if (outcome === OUTCOME.NOT_AUTHORITATIVE || outcome === OUTCOME.DENIED) {
      countRejection(counters, this.#query.wantsRecursion);
      return;
    }
    const zones = this.#compiled.views[view].counters;
    const zone = zones === undefined ? -1 : zones[this.#zones.zone];
    countOutcome(counters, outcome, this.#zones.authoritative, this.#client.overTcp, this.#query.type, zone);
  }

  #countResponse(rcode: number, length: number): void {
    const counters = this.#counters;
    const { overTcp, addressLength } = this.#client;
    countResponse(counters, rcode, length, overTcp, addressLength === 16);
    if (this.#builder.truncated) counters.add(COUNTER.TruncatedResp);
    if (this.#query.hasEdns) counters.add(COUNTER.RespEDNS0);
    if (this.#transactions.active) counters.add(COUNTER.RespTSIG);
    if (rcode === RCODE.BADVERS) counters.add(COUNTER.ReqBadEDNSVer);
  }
}

/** True when, but for the access lists of zones, nobody is treated differently, and nothing is written down of a query. */
function isSameForAll({ tables, views }: CompiledTables): boolean {
  if (views.length !== 1 || tables.logQueries) return false;
  const [{ matchClients, matchDestinations, matchRecursiveOnly, limits, rateLimit }] = views;
  if (matchRecursiveOnly || !matchClients.acceptsAll || !matchDestinations.acceptsAll) return false;
  return rateLimit === undefined && !limits.requireServerCookie && limits === tables.limits;
}

/** What BIND answers to classes without zones of ours. */
function refusedClass(klass: number): number {
  if (klass === CLASS.IN) return RCODE.NOERROR;
  if (klass === CLASS.HS) return RCODE.REFUSED;
  return klass === CLASS.ANY || klass === CLASS.NONE ? RCODE.FORMERR : RCODE.NOTIMP;
}

/** Types that only questions or messages have (RFC 6895 section 3.1); those that zones answer are NOERROR. */
/** `allow-transfer port n transport t`: BIND 9.18 asks for the server's port and for TLS. */
function isTransferredOver(over: TransferOver | undefined, { localPort, encrypted, overTcp }: ClientContext): boolean {
  if (over === undefined) return true;
  if (over.port !== undefined && over.port !== localPort) return false;
  return over.transport === undefined || (overTcp && encrypted === (over.transport === 'tls'));
}

function metaTypeRcode(type: number): number {
  if (type === TYPE.ANY) return RCODE.NOERROR;
  if (type === 253 || type === 254) return RCODE.NOTIMP; // MAILB, MAILA: obsolete (RFC 973)
  return type === TYPE.OPT || (type >= 128 && type <= 255) ? RCODE.FORMERR : RCODE.NOERROR;
}
