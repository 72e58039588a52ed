/** Default settings learn: the models that are fast enough for every run of the tests. */
import { suite } from "uvu";
import { Learning } from "../support/learning.ts";
import { lessons, teach } from "./defaults-table.ts";

const test = suite("default settings, the fast models");

teach(
  test,
  new Learning(),
  lessons.filter(({ fast }) => fast),
);

test.run();
