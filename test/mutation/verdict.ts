/**
 * What the runs of the tests say about a mutant.
 *
 * One failure says little: the machine may be busy. So the test file that noticed the mutant runs again alone, with more time, and has
 * to notice it again. If it only does not end, it runs once more without the mutant: the mutant hangs only if it ends then in good time.
 */

/**
 * 'timed out': the tests hang, and do not without the mutant. `by` says which test file noticed it. 'refused': no test fails, but
 * the compiler does not take the mutant.
 */
export type Verdict =
  | { readonly is: 'survived' | 'refused' }
  | { readonly is: 'killed' | 'timed out'; readonly by: string }

/** How a run of tests has ended. 'slow': a test, or a whole file, did not end in time. The file is undefined if it is not known. */
export type RunEnd =
  | { readonly is: 'passed' }
  | { readonly is: 'failed'; readonly file: string | undefined; readonly message: string }
  | { readonly is: 'slow'; readonly file: string | undefined }

export interface TestRuns {
  /** Runs the test files up to the first failure. The limits are `patience` times the usual ones. */
  run(files: readonly string[], patience: number, source: 'mutant' | 'original'): Promise<RunEnd>
  /** Whether the compiler refuses the mutant. */
  isRefused(): boolean
}

/** How much longer the limit is the second time. Without the mutant this part of it has to be enough. */
const longer = 4

const maxPatience = 16

export async function verdictOf(runs: TestRuns, tests: readonly string[]): Promise<Verdict> {
  let left = tests
  let patience = 1
  while (left.length > 0) {
    const first = await runs.run(left, patience, 'mutant')
    if (first.is === 'passed') break
    // Less work than a second run that hangs.
    if (first.is === 'slow' && runs.isRefused()) return { is: 'refused' }
    const suspects = left.filter((file) => first.file === undefined || file === first.file)
    const second = await runs.run(suspects, patience * longer, 'mutant')
    if (second.is === 'failed') return { is: 'killed', by: `${second.file}: ${second.message}` }
    if (second.is === 'passed') left = left.filter((file) => !suspects.includes(file))
    else if ((await runs.run(suspects, patience, 'original')).is === 'passed') {
      return { is: 'timed out', by: suspects.join(' ') }
    }
    if (first.is === 'slow') patience *= 2
    if (patience > maxPatience) throw new Error(`the machine is too busy for ${suspects.join(' ')}`)
  }
  return { is: runs.isRefused() ? 'refused' : 'survived' }
}
