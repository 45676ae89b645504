import { expect, test } from "vitest"
import * as unit from "../../src/compiler/report/units.ts"

test.each([
  [0, "nothing"],
  [1, "1 parameter (4 B float32)"],
  [812, "812 parameters (3.17 KiB float32)"],
  [156_768, "156,768 (156.77 k parameters, 612.38 KiB float32)"],
  [1_789_056, "1,789,056 (1.79 M parameters, 6.82 MiB float32)"],
])("%i parameters in a unit of their size", (n, text) => expect(unit.parameters(n)).toBe(text))

test("shares and changes never print as nothing where there is something", () => {
  expect(unit.percent(1, 93_735_472)).toBe("0.0000011 %")
  expect(unit.percent(0, 5)).toBe("0.00 %")
  expect(unit.change(100, 150)).toBe("+50.00 %")
  expect(unit.change(150, 100)).toBe("−33.33 %")
  expect([unit.change(0, 5), unit.change(5, 0), unit.change(5, 5)]).toEqual(["new", "gone", ""])
  expect(unit.flops(1500)).toBe("1.5 kFLOPs")
  expect([unit.counted(1, "block"), unit.counted(12, "block")]).toEqual(["1 block", "12 blocks"])
})

test.each([
  [0, "0"],
  [999, "999"],
  [25_408, "25,408 (25.41 k)"],
  [999_994, "999,994 (999.99 k)"],
  [999_996, "999,996 (1.00 M)"],
  [999_999_999, "999,999,999 (1.00 G)"],
])("%i beside a unit of its size", (n, text) => expect(unit.exactAndScaled(n)).toBe(text))
