/**
 * The models, each by its class. A page that imports one of them gets no other.
 *
 * @module latentgrad/models
 */

export type { Batch, ExampleSource } from "../data/batch.ts";
export { type AaeOptions, type AaeSettings, AdversarialAutoencoder } from "../models/aae.ts";
export { type AeOptions, type AeSettings, PlainAutoencoder } from "../models/ae.ts";
export { Autoencoder, type AutoencoderSettings } from "../models/autoencoder.ts";
export {
  Classifier,
  type ClassifierOptions,
  type ClassifierSettings,
} from "../models/classifier.ts";
export {
  ConditionalVae,
  type ConditionalVaeOptions,
  type ConditionalVaeSettings,
} from "../models/cvae.ts";
export type {
  DataShape,
  ModelClass,
  ModelDefinition,
  ModelDescription,
  SettingsOf,
} from "../models/definition.ts";
export { DualAae, type DualAaeOptions, type DualAaeSettings } from "../models/dual-aae.ts";
export { FactorVae, type FactorVaeOptions, type FactorVaeSettings } from "../models/factor-vae.ts";
export {
  FlexAe,
  type FlexAeOptions,
  type FlexAeSettings,
  FlexAeSr,
  type ImageCritic,
} from "../models/flex-ae.ts";
export { FlowVae, type FlowVaeOptions, type FlowVaeSettings } from "../models/flow-vae.ts";
export { type Critic, gradientNormPenalty, gradientPenalty } from "../models/gradient-penalty.ts";
export { InfoVae, type InfoVaeOptions, type InfoVaeSettings } from "../models/info-vae.ts";
export { KMeansVae, type KMeansVaeOptions, type KMeansVaeSettings } from "../models/kmeans-vae.ts";
export {
  type LambdaHotOptions,
  type LambdaHotSettings,
  LambdaHotVae,
} from "../models/lambda-hot.ts";
export { bernoulliNll, type Likelihood } from "../models/likelihoods.ts";
export { klToStandardNormal, reparameterise } from "../models/losses.ts";
export { MaskAae, type MaskAaeOptions, type MaskAaeSettings } from "../models/mask-aae.ts";
export type {
  ImageShape,
  LossTerms,
  Model,
  Prior,
  SampleTerms,
  ScheduledWeight,
  StepSchedule,
  Update,
} from "../models/model.ts";
export type { GraphValue, NetworkGraph, NetworkOutputs } from "../models/network-graph.ts";
export type { DenseCritic, NetworkName } from "../models/networks.ts";
export type { Maps, SkipDecoder, SkipEncoder } from "../models/skip-networks.ts";
export {
  type CodeVae,
  type TwoStageOptions,
  type TwoStageSettings,
  TwoStageVae,
} from "../models/two-stage.ts";
export { type Posterior, Vae, type VaeOptions, type VaeSettings } from "../models/vae.ts";
export {
  WaeGan,
  type WaeGanOptions,
  type WaeGanSettings,
  WaeMmd,
  type WaeMmdOptions,
  type WaeMmdSettings,
} from "../models/wae.ts";
export type { OptimiserRule } from "../optim/rules.ts";
export type {
  ChoiceSetting,
  NumberSetting,
  Setting,
  SettingsOptions,
  SettingsTable,
  SettingsValues,
  SettingValue,
  SwitchSetting,
} from "../settings/setting.ts";
