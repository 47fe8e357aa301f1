import { Passkeys } from "./mapae.js";
import type { Passkey, SignedIn } from "./types";
export type Result = SignedIn | Passkey;
/** @import { Passkey, SignedIn } from "./types" */
/** @typedef {SignedIn | Passkey} Result */
declare const Base: {
    new (): HTMLElement;
    prototype: HTMLElement;
};
/**
 * What the three have in common. Attributes: base, the path that Mapae is mounted at; next, where to go afterwards.
 *
 * Events, which bubble: "mapae-success" with the result as detail, unless it is cancelled the browser goes to next;
 * "mapae-error" with a PasskeyError as detail. A [data-codes] inside gets an <li> for each recovery code, and is shown in
 * place of going on. Where there are no passkeys, each [data-passkey] is hidden. A hidden button [data-cancel] is shown when the
 * browser has not answered for five seconds, and gives up.
 */
declare class Enhanced extends Base {
    _passkeys: Passkeys | undefined;
    _stop: (() => void) | undefined;
    _turn: AbortController | undefined;
    connectedCallback(): void;
    disconnectedCallback(): void;
    /** @param {Event} e a click on a [data-passkey], or a form that is sent without a password */
    handleEvent(e: Event): void;
    /** @param {boolean} typed the form was sent @param {AbortSignal} signal @returns {Promise<Result>} */
    _run(typed: boolean, signal: AbortSignal): Promise<Result>;
    /** @param {string} selector @returns {HTMLElement[]} */
    _all(selector: string): HTMLElement[];
    /** @param {string} name of an input @returns {string} */
    _value(name: string): string;
    get _calls(): Passkeys;
    /** @param {Result} result */
    _done(result: Result): void;
    /** @param {unknown} error */
    _fail(error: unknown): void;
}
/** A form with an input named username; autocomplete="username webauthn" offers passkeys in it. */
export declare class SignIn extends Enhanced {
    connectedCallback(): void;
    /** @param {boolean} typed @param {AbortSignal} signal */
    _run(typed: boolean, signal: AbortSignal): Promise<SignedIn>;
}
/** A form with inputs named username and name. */
export declare class SignUp extends Enhanced {
    /** @param {boolean} typed @param {AbortSignal} signal */
    _run(typed: boolean, signal: AbortSignal): Promise<SignedIn>;
}
/** A button, for who is signed in. */
export declare class Create extends Enhanced {
    /** @param {boolean} typed @param {AbortSignal} signal */
    _run(typed: boolean, signal: AbortSignal): Promise<Passkey>;
}
export {};
