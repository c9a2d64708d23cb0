/** The name by which a reader finds a line of a source: no line number, so that a comment above it changes nothing. */
import ts from 'typescript'

/** A name for each line: `#accept` inside a method, `isWellFormed` inside a function, and '' outside of both. */
export function enclosingNames(path: string, text: string): (line: number) => string {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
  return (line) => {
    let innermost = ''
    const visit = (node: ts.Node): void => {
      const first = source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1
      const last = source.getLineAndCharacterOfPosition(node.getEnd()).line + 1
      if (line < first || line > last) return
      const name = nameOf(node)
      // The locals of a function are no name that a reader would look for: the function is.
      if (name !== undefined && (node.parent === source || isTopLevelConstant(node) || ts.isClassElement(node)))
        innermost = name
      ts.forEachChild(node, visit)
    }
    ts.forEachChild(source, visit)
    return innermost
  }
}

function isTopLevelConstant(node: ts.Node): boolean {
  return ts.isVariableDeclaration(node) && node.parent.parent.parent === node.getSourceFile()
}

function nameOf(node: ts.Node): string | undefined {
  if (ts.isConstructorDeclaration(node)) return 'constructor'
  const named =
    ts.isFunctionDeclaration(node) ||
    ts.isClassDeclaration(node) ||
    ts.isInterfaceDeclaration(node) ||
    ts.isTypeAliasDeclaration(node) ||
    ts.isVariableDeclaration(node) ||
    ts.isMethodDeclaration(node) ||
    ts.isAccessor(node) ||
    ts.isPropertyDeclaration(node)
  return named ? node.name?.getText() : undefined
}
