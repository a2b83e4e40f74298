/** A page could not be read, for the `cause`: the root that refers to it may be an old one. */
export class PageUnreadable extends Error {}
