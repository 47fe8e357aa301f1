/** @import { Autofill, Capabilities, Code, Passkey, Problem, Recovery, SignedIn, Signals, SignUp, Wish } from "./types" */
import type { Autofill, Capabilities, Code, Passkey, Recovery, SignedIn, SignUp, Wish } from "./types";
/** What calls reject with, or the reason of their signal. */
export declare class PasskeyError extends Error {
    code: Code;
    cause: any;
    status: number | undefined;
    requestId: string | undefined;
    /** No error: never say it in red. */
    quiet: boolean;
    /** @param {Code} code @param {any} [cause] the browser's error, or a Problem @param {number} [status] */
    constructor(code: Code, cause?: any, status?: number);
}
/** The passkeys of one site. */
export declare class Passkeys {
    _base: string;
    /** @type {Set<() => void>} what stops each autofill */
    _armed: Set<() => void>;
    /** @param {{base?: string}} [options] base: the path of the mount */
    constructor({ base }?: {
        base?: string;
    });
    /** What this browser can do. Never rejects. @returns {Promise<Capabilities>} */
    capabilities(): Promise<Capabilities>;
    /**
     * Offers passkeys in an input with autocomplete="username webauthn" until somebody has signed in. Silent where unsupported.
     * @param {Autofill} callbacks @returns {() => void} stops it
     */
    autofill({ onSuccess, onError }: Autofill): () => void;
    /** Signs in; with an email, only into that account. @param {Wish} [wish] @returns {Promise<SignedIn>} */
    signIn({ email, signal }?: Wish): Promise<SignedIn>;
    /** Makes an account with its first passkey, and signs in. @param {SignUp} wish @returns {Promise<SignedIn>} */
    signUp({ email, name, ticket, signal }: SignUp): Promise<SignedIn>;
    /** Ends a recovery with a new passkey, and signs in. @param {Recovery} wish @returns {Promise<SignedIn>} */
    recover({ ticket, signal }: Recovery): Promise<SignedIn>;
    /** Adds a passkey to the account, after a step-up where the server wants one. @param {Wish} [wish] @returns {Promise<Passkey>} */
    create({ name, signal }?: Wish): Promise<Passkey>;
    /** Adds one unseen after a password sign-in, where the browser can. Never rejects. @param {Wish} [wish] */
    upgrade({ signal }?: Wish): Promise<{
        created: boolean;
    }>;
    /** The ticket's second step, or a step-up; with an action the answer has its ticket. @param {Wish} [wish] @returns {Promise<SignedIn>} */
    verify({ ticket, action, signal }?: Wish): Promise<SignedIn>;
    /** @param {Wish} [wish] @returns {Promise<Passkey[]>} newest first */
    list({ signal }?: Wish): Promise<Passkey[]>;
    /** @param {string} id @param {string} name @param {Wish} [wish] @returns {Promise<Passkey>} */
    rename(id: string, name: string, { signal }?: Wish): Promise<Passkey>;
    /** Removes one, after a step-up where the server wants it. @param {string} id @param {Wish} [wish] @returns {Promise<void>} */
    remove(id: string, { signal }?: Wish): Promise<void>;
    /** @returns {Promise<void>} */
    signOut(): Promise<void>;
    /**
     * Calls a route of JSON, again after a step-up where it asks for one.
     * @param {string} method @param {string} path below base @param {object} [body] @param {Wish} [wish] @returns {Promise<any>}
     */
    call(method: string, path: string, body?: object, { signal, ticket }?: Wish): Promise<any>;
    /**
     * Parks autofill for a dialogue, and ends it where that signed in.
     * @template T @param {AbortSignal|undefined} signal the caller's
     * @param {(signal: AbortSignal) => Promise<T>} flow @param {boolean} [signsIn] @returns {Promise<T>}
     */
    _modal<T>(signal: AbortSignal | undefined, flow: (signal: AbortSignal) => Promise<T>, signsIn?: boolean): Promise<T>;
    /** @param {AbortSignal} s @param {object} more @param {"conditional"} [mediation] @returns {Promise<Passkey>} */
    _add(s: AbortSignal, more: object, mediation?: "conditional"): Promise<Passkey>;
    /**
     * @param {any} options @param {AbortSignal} s @param {string} path @param {object} more
     * @param {string} [ticket] @param {"conditional"} [mediation]
     */
    _save({ creation_options: { publicKey } }: any, s: AbortSignal, path: string, more: object, ticket?: string, mediation?: "conditional"): Promise<any>;
    /** @param {string} path @param {AbortSignal|undefined} signal @param {object} body @param {string} [ticket] */
    _enter(path: string, signal: AbortSignal | undefined, body: object, ticket?: string): Promise<any>;
    /** @param {AbortSignal|undefined} signal @param {() => Promise<any>} call made again after a step-up */
    _fresh(signal: AbortSignal | undefined, call: () => Promise<any>): Promise<any>;
    /** @param {string} method @param {string} path @param {AbortSignal} [signal] @param {object} [body] @param {string} [ticket] */
    _send(method: string, path: string, signal?: AbortSignal, body?: object, ticket?: string): Promise<any>;
}
