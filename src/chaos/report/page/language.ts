/**
 * Must be the first import of the page's program: uPlot formats numbers for `navigator.language`
 * while it loads, and a browser under the locale C may call that "en-US@posix", which is none.
 */
try {
  Intl.getCanonicalLocales(navigator.language)
} catch {
  Object.defineProperty(navigator, "language", { value: "en-US", configurable: true })
}
