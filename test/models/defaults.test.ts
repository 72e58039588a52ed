/** Default settings learn: the models that are fast enough for every run of the tests. */
import { suite } from "uvu";
import { detectRuntime } from "../../src/gpu/adapter-environment.ts";
import { Learning } from "../support/learning.ts";
import { skip } from "../support/skip.ts";
import { lessons, teach } from "./defaults-table.ts";

const test = suite("default settings, the fast models");

if (detectRuntime() === "deno")
  teach(
    test,
    new Learning(),
    lessons.filter(({ fast }) => fast),
  );
else
  test("defaults learn", () =>
    skip("what is learned is the same on every runtime: Deno's pass shows it"));

test.run();
