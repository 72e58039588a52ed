/**
 * The API reference: a page for every export of every entry of package.json's `exports`, made from the
 * docstrings. What has no docstring, a link that leads nowhere and a type that is used and not exported
 * are errors.
 *
 *   node scripts/api-docs.mjs           # writes dist/web/api/
 *   node scripts/api-docs.mjs --check   # writes nothing
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Application, ReflectionKind } from "typedoc";
import { entries } from "./api-report.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));

/**
 * Types that stand in declarations and are no part of the interface: tables that a type is inferred from, and
 * what members of the engine's classes hold that are for its own files alone.
 */
const engineOnly = [
  "src/autograd/define-op.ts:Shape",
  "src/data/binarise.ts:binarisations",
  "src/data/fingerprint.ts:Fingerprint",
  "src/data/loader.ts:Examples",
  "src/data/loader.ts:ImageSize",
  "src/data/splits.ts:TrainingSplit",
  "src/formats/safetensors.ts:arrays",
  "src/gpu/allocations.ts:Allocations",
  "src/gpu/bindgroups.ts:BindGroupCache",
  "src/gpu/call.ts:Call",
  "src/gpu/call.ts:Item",
  "src/gpu/device.ts:Holding",
  "src/gpu/device.ts:ItemSink",
  "src/gpu/finite.ts:FiniteChecker",
  "src/gpu/pipelines.ts:Pipeline",
  "src/gpu/pipelines.ts:PipelineCache",
  "src/gpu/pool.ts:BufferPool",
  "src/gpu/step.ts:Step",
  "src/gpu/target.ts:Spread",
  "src/gpu/target.ts:SubmitLimits",
  "src/gpu/target.ts:TextureUse",
  "src/gpu/textures.ts:TextureCopy",
  "src/gpu/textures.ts:TexturePool",
  "src/gpu/value.ts:Storage",
  "src/gpu/value.ts:StorageType",
  "src/gpu/value.ts:Value",
  "src/gpu/variant-table.ts:Candidates",
  "src/kernels/optimiser.ts:Turn",
  "src/kernels/optimiser.ts:UpdateValues",
  "src/models/aae.ts:aaeSettings",
  "src/models/ae.ts:aeSettings",
  "src/models/classifier.ts:classifierSettings",
  "src/models/common-settings.ts:relativeSettings",
  "src/models/common-settings.ts:vaeSettings",
  "src/models/dual-aae.ts:dualAaeSettings",
  "src/models/factor-vae.ts:factorVaeSettings",
  "src/models/flex-ae.ts:ImageCritic",
  "src/models/flex-ae.ts:flexAeSettings",
  "src/models/flow-vae.ts:flowVaeSettings",
  "src/models/info-vae.ts:infoVaeSettings",
  "src/models/kmeans-vae.ts:kmeansVaeSettings",
  "src/models/lambda-hot.ts:lambdaHotSettings",
  "src/models/mask-aae.ts:maskAaeSettings",
  "src/models/networks.ts:DenseCritic",
  "src/models/networks.ts:Networks",
  "src/models/networks.ts:builders",
  "src/models/skip-networks.ts:SkipDecoder",
  "src/models/skip-networks.ts:SkipEncoder",
  "src/models/two-stage.ts:CodeVae",
  "src/models/two-stage.ts:twoStageSettings",
  "src/models/wae.ts:waeGanSettings",
  "src/models/wae.ts:waeMmdSettings",
  "src/optim/rules.ts:Rule",
  "src/tensor/tensor.ts:Provenance",
  "src/train/calendar.ts:Calendar",
  "src/train/live-settings.ts:LiveSettings",
  "src/train/model-file.ts:MetadataCheck",
  "src/train/state.ts:Best",
  "src/train/state.ts:StateFacts",
  "src/train/state.ts:TrainState",
  "src/train/step-queue.ts:StepQueue",
  "src/train/trainer-images.ts:TrainerImages",
  "src/train/trainer-parts.ts:TrainerParts",
  "src/train/training-plan.ts:PlanOptions",
  "src/train/turns.ts:Pause",
  "src/train/turns.ts:Turns",
];

/**
 * @returns whether there is nothing to complain of; complaints are on stderr
 */
export async function apiDocs({ write }) {
  const application = await Application.bootstrap({
    name: "latentgrad",
    entryPoints: entries().map(({ source }) => join(root, source)),
    tsconfig: join(root, "tsconfig.types.json"),
    out: join(root, "dist/web/api"),
    readme: "none",
    // No address of a repository is known, and no time is written: the same sources give the same pages.
    disableSources: true,
    githubPages: false,
    excludePrivate: true,
    excludeInternal: true,
    skipErrorChecking: true,
    sort: ["source-order"],
    validation: { invalidLink: true, invalidPath: true, notDocumented: true, notExported: true },
    requiredToBeDocumented: ["Class", "Interface", "TypeAlias", "Variable"],
    intentionallyNotExported: engineOnly,
    logLevel: "Warn",
  });
  const project = await application.convert();
  if (project) {
    application.validate(project);
    // typedoc itself asks for docstrings of all methods or of no functions.
    for (const { signatures = [] } of project.getReflectionsByKind(ReflectionKind.Function))
      for (const signature of signatures)
        if (!signature.hasComment())
          application.logger.warn(`${signature.getFullName()} has no docstring`);
    if (write) await application.generateOutputs(project);
  }
  const { logger } = application;
  return project !== undefined && !logger.hasErrors() && !logger.hasWarnings();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (!(await apiDocs({ write: !process.argv.includes("--check") }))) process.exitCode = 1;
}
