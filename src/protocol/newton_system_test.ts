import assert from "node:assert/strict";
import { test } from "node:test";
import { NewtonSystem } from "./newton_system.ts";

/** Add the squares of how far each of `points` is from a straight line, whose unknowns are its height and its slope. */
function addPoints(system: NewtonSystem, points: readonly (readonly [number, number])[], value: Float64Array): void {
  for (const [x, y] of points) {
    system.terms[0] = -1;
    system.terms[1] = -x;
    system.add(y - value[0]! - value[1]! * x, 1);
  }
}

test("NewtonSystem finds the least squares of a line in one step from anywhere, and what it gains", () => {
  const system = new NewtonSystem(2);
  const value = Float64Array.of(100, -7);
  system.reset(new Float64Array(2), value);
  addPoints(system, [[0, 1], [1, 3], [2, 5], [3, 7]], value);
  const decrement = system.solve();
  assert.ok(Math.abs(value[0]! + system.direction[0]! - 1) < 1e-9);
  assert.ok(Math.abs(value[1]! + system.direction[1]! - 2) < 1e-9);
  const squares = [0, 1, 2, 3].map((x) => (100 - 7 * x - (1 + 2 * x)) ** 2);
  assert.ok(Math.abs(decrement - squares.reduce((sum, square) => sum + square)) < 1e-6);
});

test("NewtonSystem tells the variance of height, slope and any point of a line", () => {
  const system = new NewtonSystem(2);
  const value = new Float64Array(2);
  system.reset(new Float64Array(2), value);
  addPoints(system, [[-1, 0], [0, 0], [1, 0]], value);
  system.solve();
  const varianceAt = (height: number, slope: number): number => {
    system.terms.set([height, slope]);
    return system.varianceOf();
  };
  assert.ok(Math.abs(varianceAt(1, 0) - 1 / 3) < 1e-12);
  assert.ok(Math.abs(varianceAt(0, 1) - 1 / 2) < 1e-12);
  assert.ok(Math.abs(varianceAt(1, 2) - (1 / 3 + 4 / 2)) < 1e-12);
});

test("NewtonSystem weighs a prior as it weighs what is added", () => {
  const system = new NewtonSystem(1);
  const value = Float64Array.of(0);
  system.reset(Float64Array.of(3), value);
  system.terms[0] = -1;
  system.add(8, 1);
  system.solve();
  assert.equal(system.direction[0], 2);
});
