import { expect, test } from "vitest"

test("an audit fails on what is grave, passes otherwise, and says when nobody answered", async () => {
  const { verdictOf } = await import("../../scripts/audit.js" as string)
  const of = (high: number) => ({
    metadata: { vulnerabilities: { low: 3, high, critical: 0 }, dependencies: { total: 9 } },
  })
  const vulnerabilities = { sharp: { severity: "high" }, other: { severity: "low" } }
  expect(verdictOf(JSON.stringify({ ...of(1), vulnerabilities }))).toEqual({
    failed: true,
    says: "audit: 1 high or critical: sharp",
  })
  expect(verdictOf(JSON.stringify(of(0))).failed).toBe(false)
  for (const none of ["", "{}", '{ "message": "405 Method Not Allowed" }'])
    expect(verdictOf(none)).toEqual({ failed: false, says: expect.stringContaining("audit: skipped") })
})
