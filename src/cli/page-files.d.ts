/** The parts of a page that the command line serves are imported as their texts. */
declare module "*.html" {
  const text: string;
  export default text;
}

declare module "*.css" {
  const text: string;
  export default text;
}
