import { suite } from "uvu";
import * as assert from "uvu/assert";
import { layoutOf } from "../../src/data/folder-layout.ts";
import { DataError } from "../../src/gpu/errors.ts";

const test = suite("layout of a folder");

/** What sub-folders of these names, separated by commas, are: how parts are told, or one word. */
function outcome(names: string): string {
  try {
    const { parts, notice } = layoutOf("/p", names.split(","));
    if (parts === undefined) return notice === undefined ? "classes" : "classes, told";
    return [parts.train, parts.validation ?? "-", parts.test ?? "-"].join(" ");
  } catch (error) {
    assert.instance(error, DataError);
    const { message } = error as DataError;
    assert.match(
      message,
      /^\/p: .*expected (pictures in the folder itself, .* test\b|one \w+ part)/,
    );
    return /look/.test(message) && /; rename parts to train, val and test/.test(message)
      ? "refused as parts"
      : "refused";
  }
}

test("names of sub-folders are parts, classes, or refused", () => {
  const table: readonly (readonly [string, string])[] = [
    // Every word of a part is known.
    ["trainval2012,test2012", "trainval2012 - test2012"],
    ["train_val,test", "train_val - test"],
    ["TrainValidation,Evaluation", "TrainValidation - Evaluation"],
    ["train_images,holdout", "train_images - holdout"],
    ["train_images,holdout_images", "train_images - holdout_images"],
    ["train,hold-out", "train - hold-out"],
    ["train_data,eval_data", "train_data - eval_data"],
    ["fold_train,fold_eval", "fold_train - fold_eval"],
    ["cats_train,cats_validate", "cats_train cats_validate -"],
    ["train,validate,evaluate", "train validate evaluate"],
    // Only some are parts, or two are of one.
    ["train,car,plane", "refused"],
    ["train,tests", "refused"],
    ["train,val,trainval,test", "refused"],
    ["train,eval,test", "refused"],
    ["eval,cats", "refused"],
    ["val,test", "refused"],
    // More like parts than classes.
    ["images,test_images", "refused as parts"],
    ["images_background,images_evaluation", "refused as parts"],
    ["train_images,other", "refused as parts"],
    ["train_01,train_02", "refused as parts"],
    ["train_01,train_02,raw", "refused as parts"],
    ["images_val,images_test,cats", "refused as parts"],
    ["mytrain,mytest", "refused as parts"],
    ["trainers1,testers1,x", "refused as parts"],
    ["catstrain,catsval,dogs", "refused as parts"],
    ["tr,te", "refused as parts"],
    ["imagesTr,imagesTs,labelsTr", "refused as parts"],
    ["cats,cats_test", "refused as parts"],
    ["cats,cats_test,dogs,testDogs", "refused as parts"],
    ["test_images", "refused as parts"],
    // In doubt.
    ["test_images,cats,dogs", "classes, told"],
    ["tube,test tube,flask", "classes, told"],
    ["dogs_test,cats_test", "classes, told"],
    ["cats,dogs_test", "classes, told"],
    ["test tube,test strip,flask", "classes, told"],
    // Classes.
    ["cats,dogs", "classes"],
    ["train_images", "classes"],
    ["train station,airport", "classes"],
    ["train station,train track,airport", "classes"],
    ["freight train,passenger train", "classes"],
    ["test tube,beaker,flask", "classes"],
    ["test tube,beaker", "classes"],
    ["tests,cats", "classes"],
    ["tests", "classes"],
    ["festival,carnival", "classes"],
    ["strain,contest", "classes"],
    ["contest,protest,medieval,oval,valley,trainer,device", "classes"],
    ["tr,te,en", "classes"],
    ["te,ts", "classes"],
    ["0,1,2,3", "classes"],
    ["A,B", "classes"],
    ["images,labels", "classes"],
  ];
  assert.equal(
    table.map(([names]) => [names, outcome(names)]),
    table,
  );
});

test("what is refused or told names the folders, the layouts and the cure", () => {
  const cure =
    "; rename parts to train, val and test, and classes to names without such words; expected pictures in the folder itself, in one folder a class, or either of them in folders train, val and test";
  for (const [names, line] of [
    ["mytest,mytrain", "mytrain and mytest look like parts of the data"],
    ["images,test_images", "test_images looks like a part of the data, and images does not"],
    ["test_images", "test_images looks like a part of the data that is not to train on"],
  ] as const) {
    const refused = (error: unknown) =>
      error instanceof DataError && error.message === `/p: ${line}${cure}`;
    assert.throws(() => layoutOf("/p", names.split(",")), refused);
  }
  const told = (which: string) =>
    `/p: ${which} taken for classes and trained on, in spite of words of parts in the names; rename parts to train, val and test`;
  assert.is(layoutOf("/p", ["cats", "dogs", "test_images"]).notice, told("test_images"));
  assert.is(layoutOf("/p", ["cats_test", "dogs_test"]).notice, told("cats_test and 1 more"));
});

test.run();
