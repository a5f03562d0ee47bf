/**
 * The equations of one Newton step that minimizes a sum of costs, each a function of a linear form of a few unknowns: gradient,
 * Hessian, its Cholesky factor, and the variances the factor tells. Nothing is allocated after the constructor.
 *
 * @module
 */

/** Gradient and Hessian at a point, and what follows from them. */
export class NewtonSystem {
  /** The step that {@link NewtonSystem.solve} found. */
  readonly direction: Float64Array;
  /** The derivatives of a linear form by the unknowns: the argument of {@link NewtonSystem.add} and of {@link NewtonSystem.varianceOf}. */
  readonly terms: Float64Array;
  readonly #size: number;
  readonly #gradient: Float64Array;
  // Both lower triangular, row after row.
  readonly #hessian: Float64Array;
  readonly #factor: Float64Array;
  readonly #forward: Float64Array;

  /** For `size` unknowns. */
  constructor(size: number) {
    this.#size = size;
    this.direction = new Float64Array(size);
    this.terms = new Float64Array(size);
    this.#gradient = new Float64Array(size);
    this.#hessian = new Float64Array(size * size);
    this.#factor = new Float64Array(size * size);
    this.#forward = new Float64Array(size);
  }

  /** Begin with independent normal priors about zero, of the inverse variances `precision`, at the point `value`. */
  reset(precision: Float64Array, value: Float64Array): void {
    const size = this.#size;
    this.#hessian.fill(0);
    for (let i = 0; i < size; i++) {
      this.#gradient[i] = precision[i]! * value[i]!;
      this.#hessian[i * size + i] = precision[i]!;
    }
  }

  /** Add a cost with this slope and curvature in its linear form, whose derivatives are {@link NewtonSystem.terms}. */
  add(slope: number, curvature: number): void {
    const size = this.#size;
    const terms = this.terms;
    const gradient = this.#gradient;
    const hessian = this.#hessian;
    for (let i = 0; i < size; i++) {
      const term = terms[i]!;
      if (term === 0) continue;
      gradient[i]! += slope * term;
      for (let j = 0; j <= i; j++) hessian[i * size + j]! += curvature * term * terms[j]!;
    }
  }

  /** Factor the Hessian and set {@link NewtonSystem.direction}; returns the squared Newton decrement, twice the gain to expect. */
  solve(): number {
    const size = this.#size;
    const factor = this.#factor;
    const forward = this.#forward;
    const direction = this.direction;
    let decrement = 0;
    for (let i = 0; i < size; i++) {
      let rest = -this.#gradient[i]!;
      for (let j = 0; j <= i; j++) {
        let sum = this.#hessian[i * size + j]!;
        for (let m = 0; m < j; m++) sum -= factor[i * size + m]! * factor[j * size + m]!;
        factor[i * size + j] = i === j ? Math.sqrt(Math.max(sum, Number.MIN_VALUE)) : sum / factor[j * size + j]!;
      }
      for (let m = 0; m < i; m++) rest -= factor[i * size + m]! * forward[m]!;
      forward[i] = rest / factor[i * size + i]!;
      decrement += forward[i]! * forward[i]!;
    }
    for (let i = size - 1; i >= 0; i--) {
      let rest = forward[i]!;
      for (let m = i + 1; m < size; m++) rest -= factor[m * size + i]! * direction[m]!;
      direction[i] = rest / factor[i * size + i]!;
    }
    return decrement;
  }

  /** Variance of the linear form {@link NewtonSystem.terms}, by the Hessian last solved: the squared length of L⁻¹·terms. */
  varianceOf(): number {
    const size = this.#size;
    const factor = this.#factor;
    const forward = this.#forward;
    let sum = 0;
    for (let i = 0; i < size; i++) {
      let rest = this.terms[i]!;
      for (let m = 0; m < i; m++) rest -= factor[i * size + m]! * forward[m]!;
      forward[i] = rest / factor[i * size + i]!;
      sum += forward[i]! * forward[i]!;
    }
    return sum;
  }
}
