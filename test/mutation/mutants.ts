/**
 * Every small mistake that one could have made in a file, by mechanical operators on its syntax tree: conditions negated,
 * comparisons and operators exchanged, numbers off by one, strings emptied, statements left out. What only says what
 * went wrong (the texts of messages) is left alone, and so are types and imports.
 */
import ts from 'typescript'

export interface Mutant {
  /** From the root of the repository. */
  readonly file: string
  readonly line: number
  readonly operator: string
  /** What is replaced, and by what. */
  readonly start: number
  readonly end: number
  readonly replacement: string
}

/** The source with the mistake in it. */
export function mutatedText({ start, end, replacement }: Mutant, text: string): string {
  return text.slice(0, start) + replacement + text.slice(end)
}

const exchanged: ReadonlyMap<ts.SyntaxKind, readonly string[]> = new Map([
  [ts.SyntaxKind.LessThanToken, ['<=']],
  [ts.SyntaxKind.LessThanEqualsToken, ['<']],
  [ts.SyntaxKind.GreaterThanToken, ['>=']],
  [ts.SyntaxKind.GreaterThanEqualsToken, ['>']],
  [ts.SyntaxKind.EqualsEqualsEqualsToken, ['!==']],
  [ts.SyntaxKind.ExclamationEqualsEqualsToken, ['===']],
  [ts.SyntaxKind.PlusToken, ['-']],
  [ts.SyntaxKind.MinusToken, ['+']],
  [ts.SyntaxKind.AsteriskToken, ['+']],
  [ts.SyntaxKind.AmpersandToken, ['|']],
  [ts.SyntaxKind.BarToken, ['&']],
  [ts.SyntaxKind.LessThanLessThanToken, ['>>']],
  [ts.SyntaxKind.GreaterThanGreaterThanToken, ['<<']],
  [ts.SyntaxKind.GreaterThanGreaterThanGreaterThanToken, ['<<']],
  [ts.SyntaxKind.AmpersandAmpersandToken, ['||']],
  [ts.SyntaxKind.BarBarToken, ['&&']],
  [ts.SyntaxKind.PlusEqualsToken, ['-=', '=']],
  [ts.SyntaxKind.MinusEqualsToken, ['+=', '=']],
  [ts.SyntaxKind.BarEqualsToken, ['=']],
  [ts.SyntaxKind.GreaterThanGreaterThanGreaterThanEqualsToken, ['<<=']],
])

export function mutantsOf(file: string, text: string): readonly Mutant[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true)
  const mutants: Mutant[] = []

  const add = (node: ts.Node, operator: string, replacement: string): void => {
    const start = node.getStart(source)
    const line = source.getLineAndCharacterOfPosition(start).line + 1
    mutants.push({ file, line, operator, start, end: node.getEnd(), replacement })
  }

  const visit = (node: ts.Node): void => {
    if (saysNothing(node)) return
    if (ts.isIfStatement(node) || ts.isWhileStatement(node)) add(node.expression, 'condition', negated(node.expression))
    if (ts.isConditionalExpression(node)) add(node.condition, 'condition', negated(node.condition))
    if (ts.isBinaryExpression(node)) {
      for (const other of exchanged.get(node.operatorToken.kind) ?? []) add(node.operatorToken, 'operator', other)
      if (node.operatorToken.kind === ts.SyntaxKind.QuestionQuestionToken)
        add(node, 'default', node.right.getText(source))
    }
    if (ts.isNumericLiteral(node)) {
      const value = Number(node.text)
      add(node, 'number', String(value + 1))
      if (value > 0) add(node, 'number', String(value - 1))
    }
    if (ts.isStringLiteral(node) && node.text !== '') add(node, 'string', "''")
    if (node.kind === ts.SyntaxKind.TrueKeyword) add(node, 'boolean', 'false')
    if (node.kind === ts.SyntaxKind.FalseKeyword) add(node, 'boolean', 'true')
    if (ts.isExpressionStatement(node) || ts.isBreakStatement(node) || ts.isContinueStatement(node)) {
      add(node, 'statement', ';')
    }
    if (ts.isReturnStatement(node) && node.expression === undefined) add(node, 'statement', ';')
    ts.forEachChild(node, visit)
  }
  visit(source)
  return mutants
}

function negated(condition: ts.Expression): string {
  return `!(${condition.getText()})`
}

/** Imports, types, and the texts of messages. */
function saysNothing(node: ts.Node): boolean {
  return (
    ts.isImportDeclaration(node) ||
    ts.isExportDeclaration(node) ||
    ts.isTypeNode(node) ||
    ts.isInterfaceDeclaration(node) ||
    ts.isTypeAliasDeclaration(node) ||
    ts.isTemplateExpression(node) ||
    (ts.isStringLiteral(node) && node.text.includes(' '))
  )
}
