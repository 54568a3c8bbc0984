/** Has the browser save what is at `address`; `name` where the answer does not say how the file is called. */
export function download(address: string, name = ""): void {
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
}
