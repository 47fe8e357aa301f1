// The examples of docs/browser.md are read by a compiler; the plain page runs in e2e.
import assert from "node:assert/strict"
import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { test } from "node:test"
import { fileURLToPath } from "node:url"

const here = path => fileURLToPath(new URL(path, import.meta.url))

/** Compiles snippets, by file name, and returns what is wrong with them. */
function mistakes(files) {
  const folder = mkdtempSync(join(tmpdir(), "mapae-"))
  try {
    const paths = Object.entries(files).map(([name, text]) => {
      const path = join(folder, name)
      writeFileSync(path, text)
      return path
    })
    execFileSync(here("node_modules/.bin/tsc"), ["--ignoreConfig", "--noCheck", "--allowJs", "--jsx", "preserve", "--target", "ESNext",
      "--module", "ESNext", "--outDir", join(folder, "out"), ...paths], { stdio: "pipe" })
    return ""
  } catch (e) {
    return String(e.stdout)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const snippets = [...readFileSync(here("../../docs/browser.md"), "utf8").matchAll(/```(\w+)\n(.*?)```/gs)]
  .map(([, language, text]) => ({ language, text: language === "vue" ? /<script setup>(.*?)<\/script>/s.exec(text)[1] : text }))

test("the examples of the guide can be parsed", () => {
  const code = snippets.filter(({ language }) => language !== "html")
  assert.deepEqual([...new Set(code.map(({ language }) => language))].sort(), ["js", "jsx", "vue"])
  const files = Object.fromEntries(code.map(({ language, text }, i) => [`${i}.${language === "jsx" ? "jsx" : "js"}`, text]))
  assert.equal(mistakes(files), "")
})

test("a mistake in an example would be found", () => {
  assert.match(mistakes({ "0.js": "const = 1" }), /error TS/)
  assert.match(mistakes({ "0.jsx": "const a = <p>" }), /error TS/)
})

test("the examples call what there is", async () => {
  const { Passkeys } = await import("./mapae.js")
  const called = snippets.flatMap(({ text }) => [...text.matchAll(/passkeys\.(\w+)\(/g)].map(([, name]) => name))
  assert.ok(called.length >= 6)
  for (const name of called) assert.equal(typeof Passkeys.prototype[name], "function", name)
})
