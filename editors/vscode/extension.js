// Hands texts to `nephele lsp` and shows its answers. It needs no packages: the protocol is a few messages.
const vscode = require('vscode');
const { spawn } = require('child_process');

let server, next = 1, rest = Buffer.alloc(0);
const waiting = new Map();

function send(message) {
  const body = Buffer.from(JSON.stringify({ jsonrpc: '2.0', ...message }));
  server.stdin.write(`Content-Length: ${body.length}\r\n\r\n`);
  server.stdin.write(body);
}

function ask(method, params) {
  const id = next++;
  send({ id, method, params });
  return new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
}

function read(chunk, hear) {
  rest = Buffer.concat([rest, chunk]);
  for (;;) {
    const end = rest.indexOf('\r\n\r\n');
    if (end < 0) return;
    const length = Number(/Content-Length: (\d+)/i.exec(rest.subarray(0, end).toString())[1]);
    if (rest.length < end + 4 + length) return;
    const message = JSON.parse(rest.subarray(end + 4, end + 4 + length).toString());
    rest = rest.subarray(end + 4 + length);
    if (message.id !== undefined && waiting.has(message.id)) {
      const { resolve, reject } = waiting.get(message.id);
      waiting.delete(message.id);
      message.error ? reject(new Error(message.error.message)) : resolve(message.result);
    } else {
      hear(message);
    }
  }
}

const range = (r) => new vscode.Range(r.start.line, r.start.character, r.end.line, r.end.character);
const spot = (document, position) => ({
  textDocument: { uri: document.uri.toString() },
  position: { line: position.line, character: position.character },
});

exports.activate = async (context) => {
  const command = vscode.workspace.getConfiguration('nephele').get('command');
  const shown = vscode.languages.createDiagnosticCollection('nephele');
  server = spawn(command, ['lsp'], { stdio: ['pipe', 'pipe', 'ignore'] });
  server.on('error', () => vscode.window.showWarningMessage(`${command} cannot be started; set nephele.command`));
  server.stdout.on('data', (chunk) => read(chunk, ({ method, params }) => {
    if (method !== 'textDocument/publishDiagnostics') return;
    shown.set(vscode.Uri.parse(params.uri), params.diagnostics.map((found) => {
      const diagnostic = new vscode.Diagnostic(range(found.range), found.message, found.severity - 1);
      diagnostic.code = found.code;
      diagnostic.source = 'nephele';
      return diagnostic;
    }));
  }));
  await ask('initialize', { processId: process.pid, rootUri: null, capabilities: {} });
  send({ method: 'initialized', params: {} });

  const isOurs = (document) => document.languageId === 'yaml';
  const open = (document) => isOurs(document) && send({ method: 'textDocument/didOpen', params: {
    textDocument: { uri: document.uri.toString(), languageId: 'yaml', version: document.version, text: document.getText() } } });
  vscode.workspace.textDocuments.forEach(open);
  const selector = { language: 'yaml' };
  context.subscriptions.push(
    shown,
    vscode.workspace.onDidOpenTextDocument(open),
    vscode.workspace.onDidChangeTextDocument(({ document }) => isOurs(document) && send({ method: 'textDocument/didChange', params: {
      textDocument: { uri: document.uri.toString(), version: document.version }, contentChanges: [{ text: document.getText() }] } })),
    vscode.languages.registerCompletionItemProvider(selector, { provideCompletionItems: async (document, position) => {
      const { items } = await ask('textDocument/completion', spot(document, position));
      return items.map((item) => Object.assign(new vscode.CompletionItem(item.label, item.kind - 1), {
        detail: item.detail, documentation: item.documentation, insertText: item.insertText }));
    } }, ' ', '[', ':'),
    vscode.languages.registerHoverProvider(selector, { provideHover: async (document, position) => {
      const found = await ask('textDocument/hover', spot(document, position));
      return found && new vscode.Hover(new vscode.MarkdownString(found.contents.value));
    } }),
    vscode.languages.registerDefinitionProvider(selector, { provideDefinition: async (document, position) => {
      const found = await ask('textDocument/definition', spot(document, position));
      return found && new vscode.Location(vscode.Uri.parse(found.uri), range(found.range));
    } }),
    vscode.languages.registerRenameProvider(selector, { provideRenameEdits: async (document, position, newName) => {
      const { changes } = await ask('textDocument/rename', { ...spot(document, position), newName });
      const edit = new vscode.WorkspaceEdit();
      for (const [uri, edits] of Object.entries(changes)) {
        edits.forEach((one) => edit.replace(vscode.Uri.parse(uri), range(one.range), one.newText));
      }
      return edit;
    } }),
    vscode.languages.registerDocumentFormattingEditProvider(selector, { provideDocumentFormattingEdits: async (document) =>
      (await ask('textDocument/formatting', spot(document, new vscode.Position(0, 0))))
        .map((one) => vscode.TextEdit.replace(range(one.range), one.newText)) }),
  );
};

exports.deactivate = () => server && server.kill();
